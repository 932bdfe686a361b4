// The data of the page: what trireme report wrote, decoded. docs/report.md lists the members.
const data = JSON.parse(document.getElementById('data').textContent);

// Steps are written as the first one and differences.
function sums(differences) {
  const result = new Float64Array(differences.length);
  let at = 0;
  differences.forEach((difference, i) => { result[i] = at += difference; });
  return result;
}

const kAxes = {steps: 'Steps', tokens: 'Tokens', hours: 'Hours'};

// The last index whose value is at most `x`; -1 when all are larger.
function lastAtMost(values, x) {
  let low = 0, high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] <= x) low = middle + 1; else high = middle;
  }
  return low - 1;
}

// Linear between the positions that the file kept.
function interpolate(from, to, x) {
  if (from.length === 0) return NaN;
  const i = Math.min(Math.max(lastAtMost(from, x), 0), from.length - 2);
  if (from.length === 1 || i < 0) return to[0];
  if (x <= from[0]) return to[0];
  if (x >= from[from.length - 1]) return to[to.length - 1];
  return to[i] + (to[i + 1] - to[i]) * (x - from[i]) / (from[i + 1] - from[i]);
}

class Curve {
  constructor(run, raw) {
    this.run = run;
    this.steps = sums(raw.steps);
    this.values = raw.values;
    this.meanSteps = raw.mean_steps ? sums(raw.mean_steps) : null;
    this.means = raw.means || null;
    this.raw = raw;
    this.xs = {};
  }

  // [[x, value], …] over an axis of kAxes; null values are gaps.
  points(axis) { return this.pairs('points', axis, this.steps, this.values); }

  pairs(kind, axis, steps, values) {
    const key = kind + axis;
    if (!this.xs[key]) this.xs[key] = Array.from(steps, (step, i) => [this.run.x(axis, step), values[i]]);
    return this.xs[key];
  }

  // An exponential mean over the values, or over the means of the buckets where the curve was thinned.
  smoothed(axis, weight) {
    const points = this.means ? this.pairs('means', axis, this.meanSteps, this.means) : this.points(axis);
    let sum = 0, norm = 0;
    return points.map(([x, value]) => {
      if (value === null) return [x, null];
      sum = weight * sum + (1 - weight) * value;
      norm = weight * norm + (1 - weight);
      return [x, sum / norm];
    });
  }
}

class Run {
  constructor(raw, index) {
    this.raw = raw;
    this.index = index;
    this.name = raw.run;
    this.positions = raw.positions;
    this.curves = new Map();
    for (const [field, curve] of Object.entries(raw.curves)) this.curves.set(field, new Curve(this, curve));
  }

  x(axis, step) {
    return axis === 'steps' ? step : interpolate(this.positions.steps, this.positions[axis] || [], step);
  }

  step(axis, x) {
    return axis === 'steps' ? x : interpolate(this.positions[axis] || [], this.positions.steps, x);
  }

  knows(axis) { return axis === 'steps' || (this.positions[axis] || []).length > 0; }
}

const runs = data.runs.map((raw, index) => new Run(raw, index));
