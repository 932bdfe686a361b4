// What stands in tables: the runs, their run files, what they said.
function lastOf(run, field) {
  const curve = run.curves.get(field);
  return curve && curve.raw.last ? curve.raw.last : null;
}

function bestOf(run, field) {
  const curve = run.curves.get(field);
  return curve && curve.raw.smallest ? curve.raw.smallest : null;
}

function stateClass(name) {
  if (name === 'done' || name === 'running') return 'good';
  return name === 'failed' || name === 'dead' ? 'bad' : name === 'stopped' || name === 'paused' ? 'warn' : null;
}

// The middle value of a whole run; of a thinned curve the middle one of its buckets' means.
function medianOf(run, field) {
  const curve = run.curves.get(field);
  if (!curve) return null;
  const values = (curve.means || curve.values).filter((value) => value !== null).sort((a, b) => a - b);
  return values.length ? values[(values.length - 1) >> 1] : null;
}

// The newest loss in words: {value, where, bad}. A loss that is no number any more, or that was told longer ago than
// the run's last step, says so.
function lossOf(run) {
  const curve = run.curves.get('loss'), last = lastOf(run, 'loss');
  if (curve && curve.raw.gap_since !== undefined) {
    return {value: 'not finite', where: `since step ${whole(curve.raw.gap_since)}${last ? `; ${shown(last[1])} at step ${whole(last[0])}` : ''}`, bad: true};
  }
  return last ? {value: shown(last[1]), where: `at step ${whole(last[0])}`, old: last[0] < loggedStep(run) ? last[0] : null} : null;
}

function lossCell(run) {
  const loss = lossOf(run);
  if (!loss) return '–';
  if (loss.bad) return element('span', {class: 'bad', title: loss.where}, `not finite since step ${whole(run.curves.get('loss').raw.gap_since)}`);
  return loss.old === null ? loss.value : `${loss.value} @ ${whole(loss.old)}`;
}

function loggedStep(run) {
  return [...run.curves.values()].reduce((most, curve) => Math.max(most, curve.steps.length ? curve.steps[curve.steps.length - 1] : 0), run.raw.step);
}

function stepsText(run) {
  const {steps} = run.raw, logged = loggedStep(run);
  return steps > 0 ? `${whole(logged)} of ${whole(steps)}` : whole(logged);
}

const layoutOf = (run) => { const {attempts} = run.raw.timeline; return attempts.length ? attempts[attempts.length - 1].layout : ''; };
const usedText = (run) => deviceHours(3600 * run.raw.device_hours, run.raw.gpus);
const lostShare = (run) => (run.raw.device_hours > 0 ? run.raw.lost_hours / run.raw.device_hours : 0);

// The numbers of a run that is alone on the page.
function factsOf(run) {
  const fact = (title, value, small, style) => (value === null ? null : element('div', {}, element('dt', {}, title),
    element('dd', {class: style || null}, value, small ? element('small', {}, small) : null)));
  const loss = lossOf(run), valid = bestOf(run, 'valid_loss'), tokens = medianOf(run, 'tokens_per_second'), peak = medianOf(run, 'peak_share');
  const times = run.raw.step_seconds;
  const {attempts} = run.raw.timeline;
  return element('dl', {class: 'facts'},
    fact('State', run.raw.state, run.raw.note || null, stateClass(run.raw.state)),
    fact('Steps', stepsText(run), run.knows('tokens') ? `${count(run.positions.tokens[run.positions.tokens.length - 1])} tokens` : null),
    fact('Loss', loss ? loss.value : null, loss ? loss.where : null, loss && loss.bad ? 'bad' : null),
    fact('Best validation', valid ? shown(valid[1]) : null, valid ? `at step ${whole(valid[0])}` : null),
    fact('Throughput', tokens === null ? null : count(tokens), `tokens a second, median${peak === null ? '' : `; ${share(peak)} of peak`}`),
    fact('A step takes', times ? seconds(times.p50) : null, times ? `p90 ${seconds(times.p90)}, p99 ${seconds(times.p99)}` : null),
    fact('Device hours', attempts.length ? usedText(run) : null, `${share(lostShare(run))} lost`),
    fact('Attempts', attempts.length ? whole(run.raw.timeline.attempt_count) : null, layoutOf(run)));
}

// The table that switches runs on and off.
function runsTable() {
  const columns = [{title: 'Run'}, {title: 'state'}, {title: 'steps', number: true}, {title: 'loss', number: true},
    {title: 'best validation', number: true}, {title: 'tokens/s', number: true}, {title: 'of peak', number: true},
    {title: 'step p50', number: true}, {title: 'p99', number: true}, {title: 'device hours', number: true}, {title: 'lost', number: true},
    {title: 'attempts', number: true}, {title: 'layout'}];
  const rows = runs.map((run) => {
    const box = element('input', {type: 'checkbox', checked: state.visible[run.index], onchange: () => setVisible(run.index, box.checked)});
    run.box = box;
    const valid = bestOf(run, 'valid_loss'), tokens = medianOf(run, 'tokens_per_second'), peak = medianOf(run, 'peak_share');
    const times = run.raw.step_seconds;
    return [element('label', {class: 'run-name'}, box, key(run.index), element('bdi', {}, run.name)),
      element('span', {class: stateClass(run.raw.state), title: run.raw.note || null}, run.raw.state), stepsText(run), lossCell(run),
      valid ? `${shown(valid[1])} @ ${whole(valid[0])}` : '–', tokens === null ? '–' : count(tokens), peak === null ? '–' : share(peak),
      times ? seconds(times.p50) : '–', times ? seconds(times.p99) : '–', usedText(run), share(lostShare(run)),
      whole(run.raw.timeline.attempt_count), layoutOf(run)];
  });
  const box = table(null, columns, rows, {tall: true, label: 'Runs'});
  box.querySelectorAll('tbody tr').forEach((row, i) => {
    runs[i].row = row;
    row.addEventListener('mouseenter', () => light(i));
    row.addEventListener('mouseleave', () => light(-1));
    row.addEventListener('focusin', () => light(i));
    row.addEventListener('focusout', () => light(-1));
  });
  const all = (title, choose) => element('button', {type: 'button', onclick: () => { runs.forEach((run) => setVisible(run.index, choose(run), true)); applyVisible(); }}, title);
  const bar = element('div', {class: 'toolbar'}, element('p', {class: 'muted'}, data.sweep ? 'Trials: the best ones first; the best ten are switched on' : 'Switch runs on and off; point at one to see it in all curves'),
    all('All', () => true), all('None', () => false), data.sweep ? all('Best ten', (run) => run.index < 10) : null);
  return [bar, box];
}

function overview() {
  const section = document.getElementById('overview');
  if (runs.length === 1 && !data.sweep) section.append(factsOf(runs[0]));
  else if (runs.length > 0) section.append(...runsTable());
}

// Keys in which run files differ, and all keys of one run.
function optionsSection() {
  const section = document.getElementById('options');
  const known = runs.filter((run) => run.raw.options);
  if (known.length === 0) return;
  section.hidden = false;
  if (known.length > 1) {
    const keys = [...new Set(known.flatMap((run) => Object.keys(run.raw.options)))];
    const value = (run, name) => run.raw.options[name];
    const differing = keys.filter((name) => !['run.name', 'run.dir'].includes(name) && known.some((run) => value(run, name) !== value(known[0], name)));
    if (differing.length === 0) section.append(element('p', {}, 'These run files differ in nothing but name and directory.'));
    else {
      section.append(table('Where the run files differ', [{title: 'Run'}, ...differing.map((title) => ({title}))],
        known.map((run) => [element('span', {class: 'run-name'}, key(run.index), element('bdi', {}, run.name)),
          ...differing.map((name) => value(run, name) === undefined ? '–' : value(run, name))]), {tall: true}));
    }
  }
  const choice = chooser('Run', known, (run) => fillOptions(run));
  const body = element('div', {});
  const fillOptions = (run) => body.replaceChildren(table(null, [{title: 'Key'}, {title: 'value', long: true}],
    Object.entries(run.raw.options).map(([name, text]) => [name, text]), {tall: true, label: `Run file of ${run.name}`}));
  section.append(element('details', {}, element('summary', {}, 'All keys of a run file'), choice, body));
  fillOptions(known[0]);
}

// A labelled <select> over runs; nothing where there is one.
function chooser(label, among, chosen) {
  if (among.length < 2) return null;
  const select = element('select', {onchange: () => chosen(among[Number(select.value)])}, among.map((run, i) => element('option', {value: i}, run.name)));
  return element('label', {class: 'group'}, label, select);
}

function samplesSection() {
  const section = document.getElementById('samples');
  const talking = runs.filter((run) => run.raw.samples.length > 0);
  if (talking.length === 0) return;
  section.hidden = false;
  let run = talking[0];
  const body = element('div', {});
  const steps = element('select', {onchange: () => fillSamples(Number(steps.value))});
  const fillSamples = (step) => body.replaceChildren(table(null, [{title: 'Prompt', wrap: true}, {title: `what the model wrote after it, at step ${whole(step)}`, wrap: true}],
    run.raw.samples.filter((sample) => sample[0] === step).map(([, prompt, text]) => [element('bdi', {}, prompt), element('bdi', {}, text)]), {label: 'Samples'}));
  const choose = (chosen) => {
    run = chosen;
    const all = [...new Set(run.raw.samples.map((sample) => sample[0]))];
    steps.replaceChildren(...all.map((step) => element('option', {value: step}, `step ${whole(step)}`)));
    steps.value = String(all[all.length - 1]);
    fillSamples(all[all.length - 1]);
  };
  section.append(element('div', {class: 'toolbar'}, chooser('Run', talking, choose), element('label', {class: 'group'}, 'Samples of', steps)), body);
  choose(run);
}
