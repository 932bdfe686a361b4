// The curves: which charts there are, what they show, and how dygraphs draws it.
const kLight = ['#1957b8', '#c2410c', '#0f7b4d', '#9d1fa0', '#8a6100', '#0b7285', '#be123c', '#55606b', '#5b3fc4', '#567000'];
const kDark = ['#7fb0ff', '#ff9a5c', '#5fd39a', '#e58bea', '#e0b84a', '#5cc8dc', '#ff8097', '#b4bdc7', '#a999ff', '#b5d04e'];
const kDashes = [[], [8, 3], [2, 3], [9, 3, 2, 3]];
const kSparse = runs.length > 4 ? 12 : 60;  // a line of so few values shows them as dots
const kDense = 600;  // a line of more values is drawn without dashes: they would not show, and take seconds to draw
const kFaint = '55', kFainter = '28';  // opacity of what lies behind a smoothed or thinned curve, of few and of many runs
// Its legend writes the names of series as HTML; ours are in the box beside the pointer.
Dygraph.PLUGINS = Dygraph.PLUGINS.filter((plugin) => plugin !== Dygraph.Plugins.Legend);
const dark = window.matchMedia('(prefers-color-scheme: dark)');

const state = {
  axis: 'steps', logX: false, smoothing: 0, lit: -1, window: null,  // window: of x, in units of the axis; null: all
  pointed: null,  // where somebody looked last, in units of the axis
  visible: runs.map((_, i) => !data.sweep || i < 10),
};

const palette = () => (dark.matches ? kDark : kLight);
const themed = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// How a number looks: colour and dashes, of a run or, where there is one run, of a field.
function look(i) {
  return {color: palette()[i % 10], dash: kDashes[(i + Math.floor(i / 20)) % 4]};
}

// A short line in a run's colour and dashes, for legends; colours follow the theme.
function key(i) {
  const line = svg('line', {x1: 0, x2: 26, y1: 5, y2: 5, 'stroke-width': 2.5});
  const paint = () => {
    line.setAttribute('stroke', look(i).color);
    line.setAttribute('stroke-dasharray', look(i).dash.join(' '));
  };
  paint();
  dark.addEventListener('change', paint);
  return svg('svg', {class: 'key', viewBox: '0 0 26 10', 'aria-hidden': 'true'}, line);
}

const kGiB = 1 / (1 << 30);
const kKnown = [
  {id: 'loss', title: 'Loss', unit: runs.some((run) => run.raw.program) ? '' : 'nats a token', wide: true, fields: [['loss', 'training'], ['valid_loss', 'validation']]},
  {id: 'throughput', title: 'Throughput', unit: 'tokens a second', fields: [['tokens_per_second', '']]},
  {id: 'peak', title: 'Share of peak', unit: '% of the measured peak', scale: 100, fields: [['peak_share', '']]},
  {id: 'norm', title: 'Gradient norm', unit: 'before clipping', fields: [['grad_norm', '']]},
  {id: 'lr', title: 'Learning rate', unit: '', exact: true, fields: [['lr', '']]},
  {id: 'times', title: 'Step time', unit: 'seconds, in windows of steps',
    fields: [['seconds.p50', 'p50'], ['seconds.p90', 'p90'], ['seconds.p99', 'p99']]},
  {id: 'parts', title: 'Where a step’s time goes', unit: 'seconds, mean of the ranks',
    fields: [['compute_seconds', 'compute'], ['exposed_communication_seconds', 'exposed communication'],
      ['data_wait_seconds', 'data wait'], ['saving_seconds', 'saving']]},
  {id: 'memory', title: 'Memory', unit: 'GiB, high water of the rank with the most', scale: kGiB,
    fields: [['host_memory_bytes', 'host'], ['device_memory_bytes', 'device']]},
  {id: 'slowest', title: 'Slowest rank', unit: 'seconds of compute', fields: [['slowest_rank_compute_seconds', '']]},
  {id: 'rank', title: 'Which rank was slowest', unit: 'rank', exact: true, dots: true, fields: [['slowest_rank', '']]},
];

function chartSpecs() {
  const present = new Set();
  for (const run of runs) for (const field of run.curves.keys()) present.add(field);
  const specs = [];
  for (const known of kKnown) {
    const fields = known.fields.filter(([field]) => present.delete(field));
    if (fields.length > 0) specs.push({...known, fields});
  }
  for (const field of [...present].sort()) specs.push({title: field, unit: '', fields: [[field, '']]});
  if (specs.length > 0 && specs[0].id !== 'loss') specs[0].wide = true;
  return specs;
}

class Chart {
  constructor(spec, number) {
    this.spec = spec;
    this.number = number;
    this.log = false;
    this.near = false;
    this.dirty = true;
    // Of many runs only the first field at first: else nobody could tell the lines apart.
    this.enabled = spec.fields.map((_, i) => i === 0 || runs.length <= 3 || spec.id === 'loss');
    this.build();
  }

  build() {
    const {spec} = this;
    const id = `chart-${this.number}`;
    const logButton = element('button', {type: 'button', 'aria-pressed': 'false', onclick: () => {
      this.log = !this.log;
      logButton.setAttribute('aria-pressed', String(this.log));
      this.redraw();
    }}, 'log', element('span', {class: 'hidden'}, ` scale of ${spec.title}`));
    const fields = spec.fields.length < 2 ? null : element('span', {class: 'fields', role: 'group', 'aria-label': `Curves of ${spec.title}`},
      spec.fields.map(([, label], i) => element('label', {}, element('input', {type: 'checkbox', checked: this.enabled[i],
        onchange: (event) => { this.enabled[i] = event.target.checked; this.redraw(); }}),
      runs.length === 1 ? key(i) : null, label)));
    this.canvas = element('div', {class: 'canvas', 'aria-hidden': 'true'});
    this.plot = element('div', {class: 'plot'}, this.canvas);
    this.pointer = new Pointer(this);
    this.numbers = element('details', {ontoggle: () => this.fillNumbers()}, element('summary', {}, 'Numbers', element('span', {class: 'hidden'}, ` of ${spec.title}`)));
    this.figure = element('figure', {class: spec.wide ? 'wide' : null, 'aria-labelledby': id},
      element('figcaption', {}, element('h3', {id}, spec.title), spec.unit ? element('span', {class: 'unit'}, spec.unit) : null, fields, logButton),
      this.plot, this.numbers);
  }

  // {run, field, label, look, points, smooth} of what is switched on.
  series() {
    const all = [];
    for (const run of runs) {
      if (!state.visible[run.index] || !run.knows(state.axis)) continue;
      this.spec.fields.forEach(([field, label], i) => {
        const curve = run.curves.get(field);
        if (!curve || !this.enabled[i]) return;
        const smooth = !this.spec.dots && curve.means || (state.smoothing > 0 && !this.spec.exact && curve.steps.length > kSparse)
          ? curve.smoothed(state.axis, this.spec.exact ? 0 : state.smoothing) : null;
        all.push({run, curve, field, label, look: look(runs.length === 1 ? i : run.index), points: curve.points(state.axis), smooth, second: i > 0});
      });
    }
    return all;
  }

  // What dygraphs draws: each series; behind a smoothed one its points, behind the means of a thinned one its extremes.
  lines() {
    const lines = [];
    const visible = state.visible.filter(Boolean).length;
    const faint = visible > 6 ? kFainter : kFaint, alpha = Math.min(0.24, 0.01 + 0.5 / visible);
    for (const one of this.shownSeries) {
      const lit = state.lit === one.run.index;
      const width = lit ? 3 : one.second && runs.length > 1 ? 1 : 1.6;
      if (one.smooth) lines.push({points: one.points, dash: null, color: one.curve.means ? one.look.color : one.look.color + faint, width: 1, dots: false, band: one.curve.means !== null, alpha});
      const points = one.smooth || one.points;
      lines.push({points, color: one.look.color, dash: points.length <= kDense ? one.look.dash : null, width, dots: one.points.length <= kSparse});
    }
    return lines;
  }

  redraw() {
    this.dirty = true;
    if (this.near) this.draw();
  }

  draw() {
    this.dirty = false;
    this.shownSeries = this.series();
    const scale = this.spec.scale || 1;
    const lines = this.lines();
    const domain = xDomain();
    if (this.graph) this.graph.destroy();
    this.graph = null;
    this.canvas.replaceChildren();
    if (this.fillLater && this.numbers.open) this.fillNumbers();
    if (lines.length === 0 || !domain) {
      this.canvas.append(element('div', {class: 'empty'}, 'nothing is switched on here'));
      this.pointer.place(null);
      return;
    }
    const log = this.log;
    const scaled = lines.map(({points}) => points.map(([x, y]) => [x, y === null || (log && y <= 0) ? null : y * scale]));
    this.scaled = scaled;
    const names = lines.map((_, i) => `s${i}`);
    // Every line has its own x values, so that no value is moved; dygraphs' own tables have one x for all.
    const Handler = function () {};
    Handler.prototype = Object.assign(new Dygraph.DataHandlers.DefaultHandler(), {extractSeries: (_, i) => scaled[i - 1]});
    const series = {};
    lines.forEach((line, i) => {
      series[names[i]] = {color: line.color, strokePattern: line.dash && line.dash.length > 0 ? line.dash : null, strokeWidth: line.width,
        drawPoints: line.dots, pointSize: line.dots ? 2.2 : 0};
      if (this.spec.dots) series[names[i]].plotter = dotPlotter(line);
      else if (line.band) series[names[i]].plotter = bandPlotter(line);
    });
    const [low, high] = state.window || domain;
    this.graph = new Dygraph(this.canvas, [domain[0], domain[1]].map((x) => [x, ...names.map(() => null)]), {
      labels: ['x', ...names], dataHandler: Handler, series, dateWindow: [low, high], legend: 'never', showLabelsOnHighlight: false,
      highlightCircleSize: 0, interactionModel: {}, animatedZooms: false, drawGapEdgePoints: true, rightGap: 0, logscale: log, yRangePad: 8,
      gridLineColor: themed('--grid'), axisLineColor: themed('--line'), gridLineWidth: 1,
      axes: {
        x: {logscale: state.logX, pixelsPerLabel: 50, axisLabelFormatter: (x) => count(x), axisLabelWidth: 56},
        y: {valueRange: this.yRange(low, high), pixelsPerLabel: 34, axisLabelFormatter: (y) => axisNumber(y), axisLabelWidth: 52},
      },
      underlayCallback: (context, area, graph) => this.marks(context, area, graph),
    });
    this.pointer.place(this.graph);
  }

  zoom() {
    if (!this.near || this.dirty || !this.graph) { this.dirty = true; return; }
    const window = state.window || xDomain();
    this.graph.updateOptions({dateWindow: window, axes: {y: {valueRange: this.yRange(...window)}}});
    this.pointer.place(this.graph);
  }

  // null: dygraphs looks for itself, which on a logarithmic scale needs a value above zero.
  yRange(low, high) {
    const some = this.scaled.some((points) => points.some(([x, y]) => y !== null && x >= low && x <= high));
    return this.log && !some ? [1, 10] : null;
  }

  // Where attempts went on, and what was seen of its health, of a run that is looked at alone.
  marks(context, area, graph) {
    const shown = runs.filter((run) => state.visible[run.index]);
    if (shown.length !== 1) return;
    context.strokeStyle = themed('--strong-line');
    context.setLineDash([4, 3]);
    context.lineWidth = 1.5;
    for (const attempt of shown[0].raw.timeline.attempts.slice(1)) {
      const x = graph.toDomXCoord(shown[0].x(state.axis, attempt.first_step));
      if (!(x > area.x && x < area.x + area.w)) continue;
      context.beginPath();
      context.moveTo(x, area.y);
      context.lineTo(x, area.y + area.h);
      context.stroke();
    }
    context.setLineDash([]);
    context.fillStyle = themed('--warn');
    for (const event of shown[0].raw.timeline.health) {
      const x = graph.toDomXCoord(shown[0].x(state.axis, event.step));
      if (!(x >= area.x && x <= area.x + area.w)) continue;
      context.beginPath();
      context.moveTo(x - 5, area.y);
      context.lineTo(x + 5, area.y);
      context.lineTo(x, area.y + 9);
      context.fill();
    }
  }

  // The chart as a table: what a screen reader reads.
  fillNumbers() {
    this.fillLater = true;
    if (!this.numbers.open) return;
    const scale = this.spec.scale || 1;
    const at = (point) => (point ? [shown(point[1] * scale), whole(point[0])] : ['–', '–']);
    const rows = [];
    for (const run of runs) {
      if (!state.visible[run.index]) continue;
      for (const [field, label] of this.spec.fields) {
        const curve = run.curves.get(field);
        if (!curve) continue;
        const {raw} = curve;
        rows.push([label ? `${run.name}, ${label}` : run.name, ...at(raw.first), ...at(raw.last), ...at(raw.smallest), ...at(raw.largest),
          whole(raw.count), raw.gaps ? whole(raw.gaps) : '–']);
      }
    }
    const number = (title) => ({title, number: true});
    const box = table(null, [{title: 'Run'}, number('first'), number('step'), number('last'), number('step'), number('smallest'),
      number('step'), number('largest'), number('step'), number('values'), number('no number')], rows, {tall: true, label: `Numbers of ${this.spec.title}`});
    this.numbers.replaceChildren(this.numbers.firstChild, box);
  }
}

// Fills what lies between the smallest and the largest values of a thinned curve, once for each column of pixels. A
// spike stays visible by the outline.
function bandPlotter({color, alpha}) {
  return ({drawingContext: context, points}) => {
    context.fillStyle = context.strokeStyle = color;
    for (const part of bandParts(points)) {
      context.beginPath();
      part.forEach(([x, high], i) => (i === 0 ? context.moveTo(x, high) : context.lineTo(x, high)));
      for (let i = part.length - 1; i >= 0; --i) context.lineTo(part[i][0], part[i][2]);
      context.closePath();
      context.globalAlpha = alpha;
      context.fill();
      context.globalAlpha = 2 * alpha;
      context.lineWidth = 0.7;
      context.stroke();
    }
    context.globalAlpha = 1;
  };
}

// Numbers that are names, such as ranks: a line between them would mean nothing.
function dotPlotter({color}) {
  return ({drawingContext: context, points}) => {
    context.fillStyle = color;
    for (const point of points) if (point.yval !== null) context.fillRect(point.canvasx - 1, point.canvasy - 1, 2, 2);
  };
}

// [[x, top, bottom], …] in pixels, a list for each part without a gap. Each point counts for its neighbours too, since
// smallest and largest values take turns.
function bandParts(points) {
  const parts = [[]];
  points.forEach((point, i) => {
    if (point.yval === null || Number.isNaN(point.canvasy)) {
      parts.push([]);
      return;
    }
    const around = [points[i - 1], point, points[i + 1]].filter((one) => one && one.yval !== null && !Number.isNaN(one.canvasy)).map((one) => one.canvasy);
    const top = Math.min(...around), bottom = Math.max(...around), x = Math.round(point.canvasx);
    const part = parts[parts.length - 1], before = part[part.length - 1];
    if (before && before[0] === x) {
      before[1] = Math.min(before[1], top);
      before[2] = Math.max(before[2], bottom);
    } else part.push([x, top, bottom]);
  });
  return parts.filter((part) => part.length > 0);
}

function axisNumber(y) {
  const size = Math.abs(y);
  return size >= 1e4 ? count(y) : size > 0 && size < 1e-3 ? shown(y) : trimmed(y.toPrecision(4));
}

// The smallest and the largest x of what is switched on; null: nothing is.
function xDomain() {
  let low = Infinity, high = -Infinity;
  for (const run of runs) {
    if (!state.visible[run.index] || !run.knows(state.axis)) continue;
    for (const curve of run.curves.values()) {
      if (curve.steps.length === 0) continue;
      const begin = run.x(state.axis, state.logX ? curve.steps.find((step) => run.x(state.axis, step) > 0) : curve.steps[0]);
      if (begin < low) low = begin;
      high = Math.max(high, run.x(state.axis, curve.steps[curve.steps.length - 1]));
    }
  }
  if (!(low <= high)) return null;
  return low === high ? [low - 0.5, high + 0.5] : [low, high];
}
