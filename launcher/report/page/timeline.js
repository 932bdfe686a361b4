// The life of each run as a bar of wall time, and its attempts as a table.
const kSpans = [['queued', 'waiting in the queue'], ['idle', 'nothing runs'], ['starting', 'starting'], ['running', 'running'],
  ['lost', 'running, lost: a roll-back undid it, or no checkpoint holds it']];

const percent = (value) => `${(100 * value).toFixed(4)}%`;

function hatching() {
  return svg('defs', {}, svg('pattern', {id: 'hatching', width: 6, height: 6, patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(45)'},
    svg('line', {class: 'hatch', x1: 0, y1: 0, x2: 0, y2: 6})));
}

// A sample for the legend, and the rectangle of a span.
function spanShape(kind, x, width) {
  const thin = kind === 'idle';
  const box = {x, width, y: thin ? 9 : 3, height: thin ? 4 : 16, rx: thin ? 0 : 1.5};
  const shape = svg('g', {}, svg('rect', {...box, class: kind}));
  if (kind === 'lost' || kind === 'queued') shape.append(svg('rect', {...box, fill: 'url(#hatching)'}));
  return shape;
}

function timelineBegin(run) {
  const {spans} = run.raw.timeline;
  return spans.length ? spans[0].begin : 0;
}

function timelineLength(run) {
  const {spans} = run.raw.timeline;
  return spans.length ? spans[spans.length - 1].end - spans[0].begin : 0;
}

function bar(run, length) {
  const {spans, saves, health} = run.raw.timeline;
  const begin = timelineBegin(run);
  const at = (time) => percent((time - begin) / length);
  const within = (time) => time >= begin && time <= begin + length;  // not those of attempts that are not shown
  const chart = svg('svg', {role: 'img', 'aria-label': barWords(run)});
  for (const span of spans) {
    const shape = spanShape(span.kind, at(span.begin), percent(Math.max((span.end - span.begin) / length, 0.0008)));
    shape.append(svg('title', {}, `${kSpans.find(([kind]) => kind === span.kind)[1]}: ${seconds(span.end - span.begin)}, from ${date(span.begin)}${span.attempt ? `, attempt ${span.attempt}` : ''}`));
    chart.append(shape);
  }
  for (const save of saves) {
    if (!within(save.time) || !within(save.time - save.seconds)) continue;
    chart.append(svg('rect', {class: 'saving', x: at(save.time - save.seconds), width: percent(Math.max(save.seconds / length, 0.0006)), y: 13, height: 6},
      svg('title', {}, `a save held the training up for ${seconds(save.seconds)}`)));
  }
  for (const event of health) {
    if (!within(event.time)) continue;
    const x = at(event.time);
    chart.append(svg('svg', {x, y: 0, width: 1, height: 12, overflow: 'visible'}, svg('path', {class: 'mark', d: 'M-5 -2 H5 L0 7 Z'}),
      svg('title', {}, `${event.kind}, ${event.action}: ${event.message}`)));
  }
  return chart;
}

function barWords(run) {
  const spent = {};
  for (const span of run.raw.timeline.spans) spent[span.kind] = (spent[span.kind] || 0) + span.end - span.begin;
  const words = kSpans.filter(([kind]) => spent[kind]).map(([kind]) => `${kind} ${seconds(spent[kind])}`);
  return `${run.name}: ${words.join(', ')}; ${many(run.raw.timeline.attempt_count, 'attempt')}`;
}

// Round durations that divide a length into some ticks.
function tickStride(length) {
  const wanted = length / 6;
  for (const stride of [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800]) if (stride >= wanted) return stride;
  return 2592000 * Math.ceil(wanted / 2592000);
}

function axis(length) {
  const chart = svg('svg', {class: 'axis', 'aria-hidden': 'true'});
  for (let at = 0; at <= length; at += tickStride(length)) {
    const x = percent(at / length);
    chart.append(svg('line', {class: 'tick', x1: x, x2: x, y1: 0, y2: 4}),
      svg('text', {class: 'soft', x, y: 15, 'text-anchor': at === 0 ? 'start' : at > 0.95 * length ? 'end' : 'middle'}, at === 0 ? '0' : seconds(at)));
  }
  return chart;
}

function attemptRows(run) {
  return run.raw.timeline.attempts.map((attempt, i, all) => {
    const lastStep = attempt.last_step === undefined ? null : attempt.last_step;
    // While an attempt runs nothing is lost: its next save holds these steps.
    const known = attempt.ended && lastStep !== null && Number.isFinite(attempt.saved_step);
    const lost = known ? Math.max(0, lastStep - attempt.saved_step) : null;
    const waited = run.raw.timeline.spans.filter((span) => span.kind === 'queued' && span.attempt === attempt.attempt).reduce((sum, span) => sum + span.end - span.begin, 0);
    return [whole(attempt.attempt), date(attempt.begin), attempt.reason, attempt.how, attempt.layout, attempt.job || '–',
      hostsText(attempt), `${whole(attempt.first_step)} → ${lastStep === null ? '?' : whole(lastStep)}`,
      lost === null ? '–' : whole(lost), waited ? seconds(waited) : '–', seconds(attempt.training - attempt.begin), seconds(attempt.end - attempt.training),
      attempt.saving_seconds ? seconds(attempt.saving_seconds) : '–', deviceHours(attempt.device_seconds, attempt.gpus), deviceHours(attempt.lost_seconds, attempt.gpus)];
  });
}

function hostsText(attempt) {
  const more = attempt.host_count - 2;
  return attempt.hosts.slice(0, 2).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

const kAttemptColumns = [{title: 'Attempt'}, {title: 'began'}, {title: 'because', long: true}, {title: 'ended', long: true}, {title: 'layout'}, {title: 'job'}, {title: 'hosts'}, {title: 'steps', number: true},
  {title: 'steps lost', number: true}, {title: 'queued', number: true}, {title: 'starting', number: true}, {title: 'running', number: true}, {title: 'saving', number: true},
  {title: 'device hours', number: true}, {title: 'lost', number: true}];

function healthTable(run) {
  const {health} = run.raw.timeline;
  if (health.length === 0) return null;
  return table(`Health of ${run.name}`, [{title: 'Seen'}, {title: 'attempt', number: true}, {title: 'step', number: true}, {title: 'what'}, {title: 'done about it'}, {title: 'where'}, {title: 'in words', wrap: true}],
    health.map((event) => [date(event.time), whole(event.attempt), whole(event.step), event.kind,
      actionText(event, run.raw.gpus), whereText(event), event.message]), {tall: true});
}

function actionText(event, gpus) {
  const lost = event.lost_seconds > 0 ? `: ${deviceHours(event.lost_seconds, gpus)} undone` : '';
  return event.to_step >= 0 ? `${event.action}, to step ${whole(event.to_step)}${lost}` : event.action;
}

function whereText(event) {
  if (event.rank < 0) return event.host || '–';
  return event.host ? `rank ${event.rank} on ${event.host}` : `rank ${event.rank}`;
}

function timelineSection() {
  const section = document.getElementById('timeline');
  const lived = runs.filter((run) => run.raw.timeline.spans.length > 0);
  if (lived.length === 0) return;
  section.hidden = false;
  const length = Math.max(...lived.map(timelineLength), 1e-3);
  const bars = element('div', {class: 'bars'});
  for (const run of lived) {
    bars.append(element('div', {class: 'label', title: run.name}, element('bdi', {}, run.name)), bar(run, length));
  }
  bars.append(element('div', {class: 'label muted'}, 'since its beginning'), axis(length));
  const legend = kSpans.map(([kind, words]) => element('li', {}, svg('svg', {width: 18, height: 22, 'aria-hidden': 'true'}, spanShape(kind, 0, 18)), words));
  legend.push(element('li', {}, svg('svg', {width: 8, height: 22, 'aria-hidden': 'true'}, svg('rect', {class: 'saving', x: 3, width: 2, y: 11, height: 8})), 'a save that held the training up'));
  if (lived.some((run) => run.raw.timeline.health.length > 0)) {
    legend.push(element('li', {}, svg('svg', {width: 12, height: 12, 'aria-hidden': 'true'}, svg('path', {class: 'mark', d: 'M1 2 H11 L6 11 Z'})), 'health'));
  }
  const used = lived.reduce((sum, run) => sum + run.raw.device_hours, 0), lost = lived.reduce((sum, run) => sum + run.raw.lost_hours, 0);
  const gpus = lived.some((run) => run.raw.gpus);
  section.append(svg('svg', {class: 'hidden', 'aria-hidden': 'true'}, hatching()), element('ul', {class: 'legend'}, legend),
    bars, element('p', {}, `Used: ${deviceHours(3600 * used, gpus)}, of which lost (starting up, and steps that a roll-back undid or no checkpoint holds): ${deviceHours(3600 * lost, gpus)}, ${share(used > 0 ? lost / used : 0)}.`));
  for (const run of lived) {
    const attempts = table(null, kAttemptColumns, attemptRows(run), {tall: true, label: `Attempts of ${run.name}`});
    section.append(lived.length === 1 ? attempts : element('details', {}, element('summary', {}, 'Attempts of ', element('bdi', {}, run.name)), attempts));
    const left = run.raw.timeline.attempt_count - run.raw.timeline.attempts.length;
    if (left > 0) section.append(element('p', {class: 'muted'}, `${run.name}: the oldest ${many(left, 'attempt')} are not shown.`));
    const health = healthTable(run);
    if (health) section.append(element('h3', {}, 'Health'), health);
  }
}
