// Puts the page together.
const charts = chartSpecs().map((spec, i) => new Chart(spec, i));

function eachChart(change) { for (const chart of charts) change(chart); }

function setWindow(window) {
  const domain = xDomain();
  if (window && domain) {
    const low = Math.max(domain[0], window[0]), high = Math.min(domain[1], window[1]);
    state.window = high > low && (low > domain[0] || high < domain[1]) ? [low, high] : null;
  } else state.window = null;
  showWindow();
  eachChart((chart) => chart.zoom());
}

function zoomBy(factor, x) {
  const domain = xDomain();
  if (!domain) return;
  const {on, back} = scaleOfX();
  const [low, high] = (state.window || domain).map(on);
  const inside = x !== undefined && x !== null && on(x) >= low && on(x) <= high;
  const middle = inside ? on(x) : (low + high) / 2;
  setWindow([middle - (middle - low) * factor, middle + (high - middle) * factor].map(back));
}

// By a part of what is seen, not beyond the ends.
function panBy(part) {
  const domain = xDomain();
  if (!domain || !state.window) return;
  const {on, back} = scaleOfX();
  const [low, high] = state.window.map(on), [first, last] = domain.map(on);
  const by = Math.min(last - high, Math.max(first - low, part * (high - low)));
  setWindow([low + by, high + by].map(back));
}

// What is even on the screen: x itself, or its logarithm.
function scaleOfX() {
  return state.logX ? {on: Math.log, back: Math.exp} : {on: (x) => x, back: (x) => x};
}

// The buttons that mean something only while a part is seen.
function showWindow() {
  for (const button of [resetButton, ...panButtons]) button.disabled = state.window === null;
}

// Says which runs a choice of axis leaves out.
function noteAxis() {
  const without = runs.filter((run) => state.visible[run.index] && !run.knows(state.axis));
  document.getElementById('axis-note').textContent = without.length === 0 ? ''
    : `${many(without.length, 'run')} ${without.length === 1 ? 'tells' : 'tell'} no ${state.axis}: not drawn (${without.slice(0, 5).map((run) => run.name).join(', ')}${without.length > 5 ? ', …' : ''})`;
}

function setVisible(index, on, later) {
  state.visible[index] = on;
  runs[index].box.checked = on;
  runs[index].row.classList.toggle('off', !on);
  if (!later) applyVisible();
}

function applyVisible() {
  noteAxis();
  eachChart((chart) => chart.redraw());
  announce(`${many(state.visible.filter(Boolean).length, 'run')} of ${runs.length} switched on`);
}

let lighting = 0;
function light(index) {
  if (state.lit === index) return;
  state.lit = index;
  for (const run of runs) run.row.classList.toggle('lit', run.index === index);
  cancelAnimationFrame(lighting);
  lighting = requestAnimationFrame(() => eachChart((chart) => chart.redraw()));
}

const resetButton = element('button', {type: 'button', disabled: true, onclick: () => setWindow(null)}, 'Whole range');
const panButtons = [['‹', 'Move left', -0.5], ['›', 'Move right', 0.5]].map(([sign, words, part]) =>
  element('button', {type: 'button', 'aria-label': words, disabled: true, onclick: () => panBy(part)}, sign));

function controls() {
  const choose = (name) => {
    state.axis = name;
    state.window = state.pointed = null;
    showWindow();
    noteAxis();
    eachChart((chart) => chart.redraw());
    announce(`curves over ${name}`);
  };
  const axes = element('fieldset', {class: 'choice'}, element('legend', {class: 'hidden'}, 'Curves over'), Object.entries(kAxes).map(([name, words]) =>
    element('label', {}, element('input', {type: 'radio', name: 'axis', value: name, checked: name === state.axis, disabled: !runs.some((run) => run.knows(name)), onchange: () => choose(name)}), words)));
  const logX = element('button', {type: 'button', 'aria-pressed': 'false', onclick: () => {
    state.logX = !state.logX;
    state.window = null;
    showWindow();
    logX.setAttribute('aria-pressed', String(state.logX));
    eachChart((chart) => chart.redraw());
  }}, 'log x');
  const value = element('output', {for: 'smoothing'}, 'off');
  const slider = element('input', {type: 'range', id: 'smoothing', min: 0, max: 99, step: 1, value: 0, oninput: () => {
    state.smoothing = Number(slider.value) / 100;
    value.textContent = state.smoothing ? state.smoothing.toFixed(2) : 'off';
    eachChart((chart) => chart.redraw());
  }});
  document.getElementById('controls').append(axes, logX, element('label', {class: 'slider', for: 'smoothing'}, 'Smoothing', slider, value),
    element('span', {class: 'group'}, element('button', {type: 'button', 'aria-label': 'Zoom in', onclick: () => zoomBy(0.5, state.pointed)}, '+'),
      element('button', {type: 'button', 'aria-label': 'Zoom out', onclick: () => zoomBy(2, state.pointed)}, '−'), panButtons, resetButton));
}

function notices() {
  const lines = [...data.problems];
  const damaged = runs.reduce((sum, run) => sum + run.raw.damaged, 0);
  if (damaged > 0) lines.push(`${many(damaged, 'line')} of metrics.jsonl ${damaged === 1 ? 'is' : 'are'} damaged and passed over: ${runs.filter((run) => run.raw.damaged).map((run) => run.name).slice(0, 5).join(', ')}`);
  const gaps = runs.filter((run) => [...run.curves.values()].some((curve) => curve.raw.gaps > 0));
  if (gaps.length > 0) lines.push(`Values that are no finite numbers are gaps in the curves of ${gaps.map((run) => run.name).slice(0, 5).join(', ')}${gaps.length > 5 ? ` and ${gaps.length - 5} more` : ''}`);
  if (runs.some((run) => run.raw.dropped_fields > 0)) lines.push('Some runs log more than 200 different fields, or fields with names longer than 100 bytes: those are left out');
  document.getElementById('notices').append(...lines.map((line) => element('p', {class: 'notice'}, line)));
}

function about() {
  const thinned = runs.some((run) => [...run.curves.values()].some((curve) => curve.raw.per_bucket > 1));
  const most = runs.reduce((all, run) => [...run.curves.values()].reduce((more, curve) => Math.max(more, curve.raw.per_bucket), all), 1);
  document.getElementById('about').append(
    element('p', {}, thinned ? `Curves with many values are thinned: of every ${whole(most)} values or fewer the smallest and the largest are drawn where they are, faint, so that no spike is lost, and their mean in front. Each value under the pointer is one of metrics.jsonl. Smoothing is an exponential mean over the means.`
      : 'All values are drawn. Smoothing is an exponential mean over them; what it smooths stays visible behind it.'),
    element('p', {}, 'Tokens and hours of a step are interpolated between lines of metrics.jsonl. Hours count training only: not the time between attempts, not steps that another attempt did again; the time of steps that a roll-back within an attempt undid counts. In the curves of a single run, dotted lines show where an attempt went on, and triangles at the top what the table of its health tells. Throughput and share of peak in the overview are medians over the run.'),
    element('p', {}, 'Keys, with a chart in focus: left and right move along the curves, with Shift faster; + and − zoom, 0 shows the whole range. With a mouse, drag to zoom and double-click for the whole range; on a touch screen, tap to see the values. The buttons + and − zoom about the place that was looked at last, ‹ and › move along.'));
}

function observe() {
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      const chart = charts.find((one) => one.figure === entry.target);
      chart.near = entry.isIntersecting;
      if (chart.near && chart.dirty) chart.draw();
    }
  }, {rootMargin: '250px'});
  for (const chart of charts) seen.observe(chart.figure);
  let width = window.innerWidth, waiting = 0;
  window.addEventListener('resize', () => {
    if (window.innerWidth === width) return;  // a phone's address bar
    width = window.innerWidth;
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(() => eachChart((chart) => chart.redraw()));
  });
  dark.addEventListener('change', () => eachChart((chart) => chart.redraw()));
}

function start() {
  document.title = `${data.title} – Trireme report`;
  document.getElementById('title').textContent = data.title;
  document.getElementById('subtitle').textContent = `Trireme report of ${date(data.made)}${data.sweep ? ', a sweep' : ''}`;
  notices();
  overview();
  sweepSection();
  if (charts.length === 0) document.getElementById('curves').append(element('p', {}, 'Nothing was logged yet.'));
  else controls();
  document.getElementById('charts').append(...charts.map((chart) => chart.figure));
  timelineSection();
  layoutsSection();
  samplesSection();
  optionsSection();
  about();
  observe();
}

start();
