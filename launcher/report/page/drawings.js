// Drawings of layouts: which rank is where in the mesh, and which stage of the pipeline computes what, when.
const kMostRanks = 512;

// Layouts of all runs, each once: {layout, who: [names]}.
function distinctLayouts() {
  const all = new Map();
  for (const run of runs) {
    for (const layout of run.raw.layouts || []) {
      const pipeline = layout.pipeline;
      const id = JSON.stringify([layout.degrees, pipeline ? [pipeline.kind, pipeline.chunks, pipeline.micro_batches] : null]);
      if (!all.has(id)) all.set(id, {layout, who: []});
      all.get(id).who.push(`${run.name}${layout.attempt_count < run.raw.timeline.attempt_count ? `, ${attemptsText(layout)}` : ''}`);
    }
  }
  return [...all.values()];
}

// "attempts 1-3, 7": at most the newest five parts.
function attemptsText({attempts, attempt_count: all}) {
  const parts = attempts.slice(-5).map(([first, last]) => (first === last ? whole(first) : `${whole(first)}-${whole(last)}`));
  return `${all === 1 ? 'attempt' : 'attempts'} ${attempts.length > 5 ? '…, ' : ''}${parts.join(', ')}`;
}

function meshDrawing({tp, cp, dp, pp}) {
  const perCell = tp * cp, size = 26, gap = 8, left = 74, top = 24;
  const columns = Math.max(1, Math.min(dp, Math.floor(kMostRanks / (perCell * Math.min(pp, 16)))));
  const rows = Math.max(1, Math.min(pp, Math.floor(kMostRanks / (perCell * columns))));
  const inCell = Math.min(perCell, kMostRanks);
  const wide = Math.min(inCell, tp > 8 ? 8 : tp), high = Math.ceil(inCell / wide);
  const cellWidth = wide * size + gap, cellHeight = high * size + gap;
  const width = left + columns * (cellWidth + gap), height = top + rows * (cellHeight + gap);
  const drawing = svg('svg', {width, height, viewBox: `0 0 ${width} ${height}`, role: 'img',
    'aria-label': `Mesh of ${tp * cp * dp * pp} ranks: tensor ${tp}, context ${cp}, data ${dp}, pipeline ${pp}`});
  for (let d = 0; d < columns; ++d) drawing.append(svg('text', {class: 'soft', x: left + d * (cellWidth + gap) + cellWidth / 2, y: 15, 'text-anchor': 'middle'}, dp > 1 ? `dp ${d}` : ''));
  for (let p = 0; p < rows; ++p) {
    const y = top + p * (cellHeight + gap);
    drawing.append(svg('text', {class: 'soft', x: 0, y: y + cellHeight / 2 + 4}, pp > 1 ? `stage ${p}` : 'all layers'));
    for (let d = 0; d < columns; ++d) {
      const x = left + d * (cellWidth + gap);
      drawing.append(svg('rect', {class: 'cell', x, y, width: cellWidth, height: cellHeight, rx: 5}));
      for (let i = 0; i < inCell; ++i) {
        const rank = ((p * dp + d) * cp + Math.floor(i / tp)) * tp + i % tp;
        const rx = x + gap / 2 + (i % wide) * size, ry = y + gap / 2 + Math.floor(i / wide) * size;
        drawing.append(svg('rect', {class: 'rank', x: rx + 1.5, y: ry + 1.5, width: size - 3, height: size - 3, rx: 3},
          svg('title', {}, `rank ${rank}: tp ${i % tp}, cp ${Math.floor(i / tp)}, dp ${d}, pp ${p}`)),
        svg('text', {x: rx + size / 2, y: ry + size / 2 + 4, 'text-anchor': 'middle'}, String(rank)));
      }
    }
  }
  const all = columns === dp && rows === pp && inCell === perCell;
  return {drawing, note: all ? null : `Drawn: ${many(rows * columns * inCell, 'rank')} of ${whole(tp * cp * dp * pp)}.`};
}

function meshWords({tp, cp, dp, pp}) {
  const parts = [];
  if (tp > 1) parts.push(`the ${tp} ranks in a box divide each layer’s tensors (tp)`);
  if (cp > 1) parts.push(`${cp} share a sequence (cp)`);
  if (dp > 1) parts.push(`the ${dp} columns read different samples (dp)`);
  if (pp > 1) parts.push(`the ${pp} rows hold consecutive layers (pp)`);
  return parts.length ? `${parts.join('; ')}.`.replace(/^./, (letter) => letter.toUpperCase()) : 'One rank holds everything.';
}

function pipelineDrawing(pipeline) {
  const {slots, length, stages, chunks} = pipeline;
  const height = 24, left = 56, across = Math.max(520, Math.min(1400, length * 15)), unit = across / length;
  const drawing = svg('svg', {width: left + across, height: stages * height + 6, viewBox: `0 0 ${left + across} ${stages * height + 6}`, role: 'img',
    'aria-label': `Schedule ${pipeline.kind} over ${stages} stages, ${pipeline.drawn} micro-batches: idle ${share(pipeline.idle_share)}`});
  for (let s = 0; s < stages; ++s) drawing.append(svg('text', {class: 'soft', x: 0, y: s * height + 17}, `stage ${s}`));
  for (const [stage, forward, chunk, microBatch, begin, end] of slots) {
    const x = left + begin * unit, width = (end - begin) * unit;
    const row = chunks > 1 ? Math.floor(chunk / stages) / chunks : 0;
    drawing.append(svg('rect', {class: `slot ${forward ? 'forward' : 'backward'}`, x, y: stage * height + 3, width, height: height - 4, rx: 2, 'fill-opacity': 1 - 0.35 * row},
      svg('title', {}, `${forward ? 'forward' : 'backward'} of micro-batch ${microBatch}${chunks > 1 ? `, chunk ${chunk}` : ''}`)));
    if (width >= 12) drawing.append(svg('text', {class: 'on-slot', x: x + width / 2, y: stage * height + 16, 'text-anchor': 'middle'}, String(microBatch)));
  }
  return drawing;
}

function stageOrders(pipeline) {
  const rows = [];
  for (let stage = 0; stage < pipeline.stages; ++stage) {
    rows.push([`stage ${stage}`, pipeline.slots.filter((slot) => slot[0] === stage)
      .map(([, forward, chunk, microBatch]) => `${forward ? 'F' : 'B'}${pipeline.chunks > 1 ? `${chunk}.` : ''}${microBatch}`).join(' ')]);
  }
  return table(null, [{title: 'Stage'}, {title: 'order: F forward, B backward, of a micro-batch', wrap: true}], rows, {tall: true, label: 'Order of a schedule'});
}

function pipelineParts(pipeline) {
  if (!pipeline || pipeline.stages < 2) return [];
  const batches = `${many(pipeline.micro_batches, 'micro-batch').replace('batchs', 'batches')} a step`;
  if (!pipeline.slots) return [element('h4', {}, `Pipeline ${pipeline.kind}`), element('p', {}, `${many(pipeline.stages, 'stage')}, ${batches}: too many to draw.`)];
  const legend = element('ul', {class: 'legend'}, [['forward', 'forward'], ['backward', 'backward']].map(([kind, words]) =>
    element('li', {}, svg('svg', {width: 14, height: 12, 'aria-hidden': 'true'}, svg('rect', {class: kind, width: 14, height: 12, rx: 2})), `${words}, with the number of its micro-batch`)));
  const drawn = pipeline.drawn < pipeline.micro_batches ? ` Drawn with ${pipeline.drawn}.` : '';
  return [element('h4', {}, `Pipeline ${pipeline.kind}${pipeline.chunks > 1 ? `, ${pipeline.chunks} chunks a stage` : ''}`),
    element('p', {}, `${many(pipeline.stages, 'stage')}, ${batches}: stages stand idle ${share(pipeline.idle_share)} of the time. Assumed: equal stages, a backward takes two forwards, sending takes no time.${drawn}`),
    legend, scrolling(pipelineDrawing(pipeline), `Schedule ${pipeline.kind}`), element('details', {}, element('summary', {}, 'The order as text'), stageOrders(pipeline))];
}

function scrolling(drawing, label) { return element('div', {class: 'drawing', tabindex: 0, role: 'region', 'aria-label': label}, drawing); }

function layoutsSection() {
  const section = document.getElementById('layouts');
  const layouts = distinctLayouts();
  if (layouts.length === 0) return;
  section.hidden = false;
  const list = element('div', {class: 'side'});
  for (const {layout, who} of layouts.slice(-12)) {
    const degrees = layout.degrees;
    const mesh = degrees.tp * degrees.cp * degrees.dp * degrees.pp > 1 ? meshDrawing(degrees) : null;
    list.append(element('figure', {}, element('figcaption', {}, element('h3', {}, layout.text), element('span', {class: 'unit'}, element('bdi', {}, who.slice(0, 3).join('; ') + (who.length > 3 ? ` and ${who.length - 3} more` : '')))),
      element('p', {}, meshWords(degrees)), mesh ? scrolling(mesh.drawing, `Mesh ${layout.text}`) : null, mesh && mesh.note ? element('p', {class: 'muted'}, mesh.note) : null,
      pipelineParts(layout.pipeline)));
  }
  section.append(list);
}
