// Numbers as people read them, and elements. Texts of runs enter the page by textContent only.
const kSvg = 'http://www.w3.org/2000/svg';

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? '' : value);
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined) node.append(child instanceof Node ? child : document.createTextNode(child));
  }
  return node;
}

const element = (name, attributes, ...children) => fill(document.createElement(name), attributes, children);
const svg = (name, attributes, ...children) => fill(document.createElementNS(kSvg, name), attributes, children);

function trimmed(text) { return text.includes('.') ? text.replace(/\.?0+$/, '') : text; }

// Five significant digits: 0.00030000 -> 3e-4, 12345.6 -> 12,346.
function shown(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return '–';
  const size = Math.abs(value);
  if (value === 0) return '0';
  if (size < 1e-3 || size >= 1e9) return trimmed(value.toExponential(3).split('e')[0]) + 'e' + Number(value.toExponential(3).split('e')[1]);
  if (size >= 1e4) return Math.round(value).toLocaleString('en');
  return trimmed(value.toPrecision(5));
}

function whole(value) { return Math.round(value).toLocaleString('en'); }

// 1,234,567 -> 1.23M
function count(value) {
  for (const [size, letter] of [[1e12, 'T'], [1e9, 'G'], [1e6, 'M'], [1e3, 'k']]) {
    if (Math.abs(value) >= size) return trimmed((value / size).toPrecision(3)) + letter;
  }
  return trimmed(value.toPrecision(3));
}

function seconds(value) {
  if (!(value >= 0)) return '–';
  if (value < 1) return trimmed((value * 1000).toPrecision(3)) + ' ms';
  if (value < 60) return trimmed(value.toPrecision(3)) + ' s';
  if (value < 3600) return trimmed((value / 60).toPrecision(3)) + ' min';
  if (value < 48 * 3600) return trimmed((value / 3600).toPrecision(3)) + ' h';
  return trimmed((value / 86400).toPrecision(3)) + ' d';
}

function share(value) { return trimmed((100 * value).toPrecision(3)) + '%'; }

// "1.25 GPU h", and of little time "4.3 CPU min".
function deviceHours(deviceSeconds, gpus) {
  const kind = gpus ? 'GPU' : 'CPU', hours = deviceSeconds / 3600;
  if (deviceSeconds === 0) return `0 ${kind} h`;
  if (hours >= 1) return `${hours >= 100 ? whole(hours) : trimmed(hours.toPrecision(3))} ${kind} h`;
  return seconds(deviceSeconds).replace(' ', ` ${kind} `);
}

function date(time) {
  const at = new Date(time * 1000);
  const two = (value) => String(value).padStart(2, '0');
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}`;
}

function many(number, word) { return `${whole(number)} ${word}${number === 1 ? '' : 's'}`; }

// A table in a box that scrolls. Columns: {title, number, wrap, long}; cells: texts or nodes; the first column is the row's head.
function table(caption, columns, rows, {tall = false, label = caption} = {}) {
  const cell = (column, content, first) => element(first ? 'th' : 'td', {
    scope: first ? 'row' : null,
    class: [column.number && 'number', column.wrap && 'wrap', column.long && 'long'].filter(Boolean).join(' ') || null,
  }, content);
  const head = columns.map((column) => element('th', {scope: 'col', class: column.number ? 'number' : null}, column.title));
  const body = rows.map((row) => element('tr', {}, row.map((content, i) => cell(columns[i], content, i === 0))));
  const box = element('div', {class: tall ? 'scroll tall' : 'scroll', tabindex: 0, role: 'region', 'aria-label': label},
    element('table', {}, caption ? element('caption', {}, caption) : null, element('thead', {}, element('tr', {}, head)),
      element('tbody', {}, body)));
  return box;
}

function announce(text) { document.getElementById('announcer').textContent = text; }
