// A sweep: parallel coordinates of its trials, the best ones, what each rung cost.
function lastResult(trial) { return trial.results.length ? trial.results[trial.results.length - 1] : null; }

// Places values of one axis between 0 and 1: by number (logarithmic where they span a factor of ten), else by word.
function axisOf(name, values) {
  const present = values.filter((value) => value !== undefined);
  const numbers = present.map(Number);
  if (present.length > 0 && numbers.every(Number.isFinite) && new Set(numbers).size > 1) {
    const low = Math.min(...numbers), high = Math.max(...numbers);
    const log = low > 0 && high / low >= 10;
    const on = (x) => (log ? Math.log(x) : x);
    const back = (x) => (log ? Math.exp(x) : x);
    const place = (value) => (on(Number(value)) - on(low)) / (on(high) - on(low));
    const distinct = [...new Set(numbers)];
    const evenly = [0, 0.25, 0.5, 0.75, 1].map((at) => [at, shown(back(on(low) + at * (on(high) - on(low))))]);
    return {name, place, ticks: distinct.length <= 5 ? distinct.map((value) => [place(value), shown(value)]) : evenly};
  }
  const words = [...new Set(present)].sort();
  return {name, place: (value) => (words.length < 2 ? 0.5 : words.indexOf(value) / (words.length - 1)), ticks: words.slice(0, 12).map((word, i) => [words.length < 2 ? 0.5 : i / (words.length - 1), word])};
}

function coordinates(sweep, measured) {
  const axes = sweep.parameters.map((name) => axisOf(name, sweep.trials.map((trial) => trial.parameters[name])));
  const metric = axisOf(sweep.metric, measured.map((trial) => lastResult(trial)[1]));
  const best = new Set(sweep.best);
  const all = [...axes, metric];
  const gap = Math.max(150, 1100 / Math.max(1, all.length - 1)), top = 34, tall = 240, left = 70;
  const width = left + gap * (all.length - 1) + 90, height = top + tall + 20;
  const drawing = svg('svg', {width, height, viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': `Parallel coordinates of ${measured.length} trials; the table below holds the same numbers`});
  const ordered = [...measured].sort((a, b) => best.has(a.trial) - best.has(b.trial));
  const lines = new Map();
  for (const trial of ordered) {
    const points = all.map((one, i) => {
      const value = i === axes.length ? lastResult(trial)[1] : trial.parameters[one.name];
      return value === undefined ? null : `${(left + i * gap).toFixed(1)},${(top + (1 - one.place(value)) * tall).toFixed(1)}`;
    }).filter(Boolean);
    const line = svg('polyline', {class: `trial${best.has(trial.trial) ? ' best' : ''}${trial.state === 'diverged' || trial.state === 'failed' ? ' out' : ''}`, points: points.join(' ')},
      svg('title', {}, trialWords(sweep, trial)));
    lines.set(trial.trial, line);
    drawing.append(line);
  }
  const paint = () => sweep.best.forEach((trial, i) => {
    if (!lines.has(trial)) return;
    lines.get(trial).style.stroke = look(i).color;
    lines.get(trial).style.strokeDasharray = look(i).dash.join(' ');
  });
  paint();
  dark.addEventListener('change', paint);
  all.forEach((one, i) => {
    const x = left + i * gap;
    drawing.append(svg('line', {class: 'axis-line', x1: x, x2: x, y1: top, y2: top + tall}), svg('text', {x, y: 14, 'text-anchor': 'middle', 'font-weight': 600}, one.name));
    for (const [at, words] of one.ticks) {
      const y = top + (1 - at) * tall;
      drawing.append(svg('line', {class: 'axis-line', x1: x - 3, x2: x + 3, y1: y, y2: y}),
        svg('text', {class: 'soft halo', x: i === 0 ? x - 7 : x + 7, y: y + 4, 'text-anchor': i === 0 ? 'end' : 'start'}, words));
    }
  });
  return {drawing, lines};
}

function trialWords(sweep, trial) {
  const parameters = sweep.parameters.filter((name) => name in trial.parameters).map((name) => `${name} = ${trial.parameters[name]}`);
  const result = lastResult(trial);
  return `trial ${trial.trial}: ${parameters.join(', ')}${result ? `; ${sweep.metric} ${shown(result[1])} at step ${whole(result[0])}` : ''}; ${trial.state}`;
}

function trialsTable(sweep, trials, caption, {keys = false, lines = null} = {}) {
  const columns = [{title: 'Trial'}, {title: sweep.metric, number: true}, {title: 'at step', number: true}, ...sweep.parameters.map((title) => ({title, number: true})), {title: 'state'}, {title: 'note', long: true}];
  const rows = trials.map((trial, i) => {
    const result = lastResult(trial);
    return [keys ? element('span', {class: 'run-name'}, key(i), String(trial.trial)) : String(trial.trial), result ? shown(result[1]) : '–', result ? whole(result[0]) : '–',
      ...sweep.parameters.map((name) => (name in trial.parameters ? trial.parameters[name] : '–')), trial.state, trial.note || ''];
  });
  const box = table(caption, columns, rows, {tall: true});
  if (lines) {
    box.querySelectorAll('tbody tr').forEach((row, i) => {
      const light = (on) => { row.classList.toggle('lit', on); const line = lines.get(trials[i].trial); if (line) line.classList.toggle('lit', on); };
      row.addEventListener('mouseenter', () => light(true));
      row.addEventListener('mouseleave', () => light(false));
    });
  }
  return box;
}

function rungsTable(sweep) {
  const all = sweep.rung_costs.reduce((sum, rung) => sum + rung.steps, 0);
  return table('What each rung cost', [{title: 'Steps'}, {title: 'trials', number: true}, {title: 'of these measured', number: true}, {title: 'steps done', number: true}, {title: 'share of all', number: true}, {title: 'device hours', number: true}],
    sweep.rung_costs.map((rung) => [`${whole(rung.from)} → ${whole(rung.to)}`, whole(rung.trials), whole(rung.reached), whole(rung.steps), share(all ? rung.steps / all : 0), deviceHours(rung.device_seconds, sweep.gpus)]));
}

function sweepSection() {
  const sweep = data.sweep;
  if (!sweep) return;
  const section = document.getElementById('sweep');
  section.hidden = false;
  const measured = sweep.trials.filter((trial) => trial.results.length > 0);
  section.append(element('p', {}, `${many(sweep.trials.length, 'trial')}, ${sweep.minimise ? 'smallest' : 'largest'} ${sweep.metric} wanted; ${whole(sweep.steps)} of ${whole(sweep.full_steps)} steps were done, ${share(sweep.full_steps ? sweep.steps / sweep.full_steps : 0)} of all trials trained to the end.`));
  let lines = null;
  if (measured.length > 0) {
    const drawn = coordinates(sweep, measured);
    lines = drawn.lines;
    section.append(element('p', {class: 'muted'}, 'Each line is a trial; the best ten are in colour. The metric is the one at the last rung that the trial reached.'), scrolling(drawn.drawing, 'Parallel coordinates'));
  }
  const best = sweep.best.map((trial) => sweep.trials[trial]);
  section.append(element('div', {class: 'side'}, best.length ? trialsTable(sweep, best, `The best ${best.length}: those of a higher rung stand first`, {keys: true, lines}) : null, rungsTable(sweep)),
    element('details', {}, element('summary', {}, `All ${sweep.trials.length} trials`), trialsTable(sweep, sweep.trials, null, {lines})));
  if (sweep.shown.length < sweep.trials.filter((trial) => trial.step > 0).length) {
    section.append(element('p', {class: 'muted'}, `Curves, attempts and device hours below and above are those of ${sweep.shown.length} trials, the best ones first.`));
  }
}
