// What happens over a chart: values under the pointer, zooming, the same by keys. Its element is a slider along x, which
// is how a screen reader is told the values.
const kListed = 8;  // runs in the box beside the pointer
let pointed = null;  // the one that shows its values

class Pointer {
  constructor(chart) {
    this.chart = chart;
    this.x = null;  // in units of the axis
    this.overlay = element('div', {class: 'overlay', role: 'slider', tabindex: 0, 'aria-label': `${chart.spec.title}: values along x`,
      'aria-valuemin': 0, 'aria-valuemax': 0, 'aria-valuenow': 0, 'aria-valuetext': 'no values yet'});
    this.line = element('div', {class: 'crosshair'});
    this.band = element('div', {class: 'band'});
    this.dots = Array.from({length: kListed}, () => element('div', {class: 'dot'}));
    this.box = element('div', {class: 'readout', 'aria-hidden': 'true'});
    this.overlay.append(this.band, this.line, ...this.dots);
    chart.plot.append(this.overlay, this.box);
    this.listen();
  }

  listen() {
    const at = (event) => event.clientX - this.overlay.getBoundingClientRect().left;
    const {overlay} = this;
    overlay.addEventListener('pointerdown', (event) => {
      if (event.pointerType !== 'mouse') this.show(this.toX(at(event)), event.clientY - overlay.getBoundingClientRect().top);
      if (event.pointerType !== 'mouse' || event.button !== 0) return;
      this.start = at(event);
      overlay.setPointerCapture(event.pointerId);
    });
    overlay.addEventListener('pointermove', (event) => {
      this.show(this.toX(at(event)), event.clientY - overlay.getBoundingClientRect().top);
      if (this.start !== undefined) this.drawBand(at(event));
    });
    overlay.addEventListener('pointerup', (event) => this.endDrag(at(event)));
    overlay.addEventListener('pointerleave', (event) => {  // what a tap showed stays until the next one
      if (event.pointerType !== 'touch' && document.activeElement !== overlay) hideAll();
    });
    overlay.addEventListener('dblclick', () => setWindow(null));
    overlay.addEventListener('blur', () => { if (pointed === this) hideAll(); });
    overlay.addEventListener('keydown', (event) => this.key(event));
  }

  // Lies over the drawing area of a graph; null: nothing is drawn.
  place(graph) {
    this.graph = graph;
    this.overlay.style.display = graph ? 'block' : 'none';
    this.hide();
    if (!graph) return;
    const area = graph.getArea();
    Object.assign(this.overlay.style, {left: `${area.x}px`, top: `${area.y}px`, width: `${area.w}px`, height: `${area.h}px`});
    const [low, high] = graph.xAxisRange();
    this.overlay.setAttribute('aria-valuemin', String(low));
    this.overlay.setAttribute('aria-valuemax', String(high));
    this.overlay.setAttribute('aria-valuenow', String(low));
  }

  toX(pixel) { return this.graph.toDataXCoord(pixel + this.graph.getArea().x); }

  drawBand(pixel) {
    const [left, right] = [Math.min(this.start, pixel), Math.max(this.start, pixel)];
    Object.assign(this.band.style, {display: 'block', left: `${left}px`, width: `${right - left}px`});
  }

  endDrag(pixel) {
    const {start} = this;
    this.start = undefined;
    this.band.style.display = 'none';
    if (start === undefined || Math.abs(pixel - start) < 6) return;
    setWindow([this.toX(Math.min(start, pixel)), this.toX(Math.max(start, pixel))]);
  }

  key(event) {
    if (!this.graph) return;
    const [low, high] = this.graph.xAxisRange();
    const stride = (high - low) / (event.shiftKey ? 20 : 200);
    const x = this.x === null ? low : this.x;
    const moves = {ArrowRight: x + stride, ArrowUp: x + stride, ArrowLeft: x - stride, ArrowDown: x - stride, PageUp: x + 20 * stride,
      PageDown: x - 20 * stride, Home: low, End: high};
    if (event.key in moves) this.show(Math.min(high, Math.max(low, moves[event.key])), null);
    else if (event.key === '+' || event.key === '=') zoomBy(0.5, x);
    else if (event.key === '-') zoomBy(2, x);
    else if (event.key === '0' || event.key === 'Escape') setWindow(null);
    else return;
    event.preventDefault();
  }

  // The point of a series nearest to x.
  nearest(one, x) {
    const {points} = one;
    let i = 0, high = points.length;
    while (i < high) {
      const middle = (i + high) >> 1;
      if (points[middle][0] < x) i = middle + 1; else high = middle;
    }
    const around = [points[i - 1], points[i]].filter((point) => point && point[1] !== null);
    around.sort((a, b) => Math.abs(a[0] - x) - Math.abs(b[0] - x));
    return around[0] || null;
  }

  // `y`: pixels, to choose from many series those at the pointer; null: the first ones.
  show(x, y) {
    if (!this.graph) return;
    const scale = this.chart.spec.scale || 1;
    const found = [];
    for (const one of this.chart.shownSeries) {
      const point = this.nearest(one, x);
      if (point) found.push({one, point, value: point[1] * scale, pixel: this.graph.toDomYCoord(point[1] * scale) - this.graph.getArea().y});
    }
    const hidden = Math.max(0, found.length - kListed);
    if (y !== null && hidden > 0) found.sort((a, b) => Math.abs(a.pixel - y) - Math.abs(b.pixel - y));
    const listed = found.slice(0, kListed).sort((a, b) => b.value - a.value);
    this.x = state.pointed = x;
    pointed = this;
    this.say(x, listed, hidden);
    for (const chart of charts) if (chart.pointer !== this) chart.pointer.hide();
    this.line.style.display = 'none';
    for (const chart of charts) if (chart.near && chart.graph) chart.pointer.moveLine(x);
    listed.forEach(({one, point, pixel}, i) => {
      const left = this.graph.toDomXCoord(point[0]) - this.graph.getArea().x;
      const inside = left >= -1 && left <= this.graph.getArea().w + 1 && pixel >= -1 && pixel <= this.graph.getArea().h + 1;
      Object.assign(this.dots[i].style, {display: inside ? 'block' : 'none', background: one.look.color, left: `${left}px`, top: `${pixel}px`});
    });
    this.dots.slice(listed.length).forEach((dot) => { dot.style.display = 'none'; });
  }

  moveLine(x) {
    const left = this.graph.toDomXCoord(x) - this.graph.getArea().x;
    const inside = left >= 0 && left <= this.graph.getArea().w;
    Object.assign(this.line.style, {display: inside ? 'block' : 'none', left: `${left}px`});
  }

  say(x, listed, hidden) {
    const first = listed[0];
    const where = first ? place(first.one.run, state.axis, listed.length === 1 || runs.length === 1 ? first.point[0] : x) : '';
    const rows = listed.map(({one, point, value}) => element('div', {class: 'row'}, key(runs.length === 1 ? this.fieldIndex(one) : one.run.index),
      element('span', {class: 'name'}, nameOf(one)), element('span', {title: place(one.run, state.axis, point[0])}, shown(value))));
    this.box.replaceChildren(element('div', {class: 'muted'}, where), ...rows, hidden ? element('div', {class: 'muted'}, `and ${hidden} more`) : '');
    const area = this.graph.getArea();
    const left = this.graph.toDomXCoord(x);
    const onRight = left < area.x + area.w / 2;
    Object.assign(this.box.style, {display: 'block', top: '4px', left: onRight ? `${left + 14}px` : 'auto',
      right: onRight ? 'auto' : `${this.chart.plot.clientWidth - left + 14}px`});
    this.overlay.setAttribute('aria-valuenow', String(x));
    this.overlay.setAttribute('aria-valuetext', `${where}: ${listed.map(({one, value}) => `${nameOf(one)} ${shown(value)}`).join(', ')}`);
  }

  fieldIndex(one) { return this.chart.spec.fields.findIndex(([field]) => field === one.field); }

  hide() {
    this.line.style.display = 'none';
    this.box.style.display = 'none';
    this.dots.forEach((dot) => { dot.style.display = 'none'; });
  }
}

function nameOf(one) {
  if (runs.length === 1) return one.label || one.field;
  return one.label ? `${one.run.name}, ${one.label}` : one.run.name;
}

// "step 120 · 491k tokens · 12 min"
function place(run, axis, x) {
  const step = run.step(axis, x);
  const parts = [`step ${whole(step)}`];
  if (run.knows('tokens')) parts.push(`${count(run.x('tokens', step))} tokens`);
  if (run.knows('hours')) parts.push(seconds(3600 * run.x('hours', step)));
  return parts.join(' · ');
}

function hideAll() { for (const chart of charts) chart.pointer.hide(); }
