"""What looks on inside a page that is measured: scripts for Chromium, and what they note."""

# Begins with each document. `frSeen`: largest picture, shifts, long tasks, presses, seats drawn.
WATCH = """
globalThis.frSeen = { lcp: 0, cls: 0, tasks: [0], marks: [], drawn: [], held: {}, frames: [] };
const seen = globalThis.frSeen;
const observe = (type, note) =>
  new PerformanceObserver((list) => list.getEntries().forEach(note))
    .observe({ type, buffered: true });
observe('largest-contentful-paint', (one) => { seen.lcp = one.startTime; });
observe('layout-shift', (one) => { if (!one.hadRecentInput) seen.cls += one.value; });
observe('longtask', (one) => { seen.tasks.push(one.duration); });

// The frame after the next has what was changed before it.
const shown = (note) => requestAnimationFrame(() => setTimeout(() => note(performance.now())));
let pressed;
addEventListener('click', (event) => { pressed = event.timeStamp; }, { capture: true });

new MutationObserver((changes) => {
  for (const { target, attributeName } of changes) {
    if (attributeName === 'data-seats' && target.offsetWidth > 0) {
      const seats = Number(target.dataset.seats);
      shown((at) => seen.drawn.push({ at, seats, since: pressed }));
    }
    if (attributeName === 'data-state' && target.dataset.state === 'held') {
      seen.held[target.dataset.seat] ??= Date.now();
    }
  }
  const chips = document.querySelectorAll('.fr-chip').length;
  if (chips > seen.marks.length && pressed !== undefined) {
    const since = pressed;
    seen.marks.push(0);
    const nth = seen.marks.length - 1;
    shown((at) => { seen.marks[nth] = at - since; });
  }
}).observe(document, {
  subtree: true, childList: true, attributes: true, attributeFilter: ['data-seats', 'data-state'],
});
"""

# Opens the map as soon as there is a tab for it: a phone begins with the best seats.
OPEN_MAP = """
new MutationObserver((_, watch) => {
  const tab = document.querySelector('#fr-tab-map');
  if (!tab) return;
  watch.disconnect();
  if (tab.getAttribute('aria-selected') !== 'true') tab.click();
}).observe(document, { subtree: true, childList: true });
"""

COUNT_FRAMES = """
() => {
  const seen = globalThis.frSeen;
  seen.frames = [];
  let before;
  const look = (now) => {
    if (before !== undefined) seen.frames.push(now - before);
    before = now;
    if (!seen.stops) requestAnimationFrame(look);
  };
  seen.stops = false;
  requestAnimationFrame(look);
}
"""

# On a page without a policy, with the functions of ui/dist-tests: a hall whose seats are all there.
DRAW_CHANGES = """
async ({ source, seats, times }) => {
  const blob = new Blob([source], { type: 'text/javascript' });
  const m = await import(URL.createObjectURL(blob));
  const [length, rows, abreast] = [50, 20, 10];
  const size = length * rows;
  const price = { amount: 1000, currency: 'KRW' };
  const sections = Array.from({ length: Math.ceil(seats / size) }, (_, nth) => {
    const [left, top] = [(nth % abreast) * (length + 4), Math.floor(nth / abreast) * (rows + 4)];
    const [right, bottom] = [left + length, top + rows];
    const corners = [[left, top], [right, top], [right, bottom], [left, bottom]];
    const shown = { code: `S${nth}`, name: `Section ${nth}`, grade: 'R', price, focal: null };
    const seat = (row, at) => ({
      id: `${nth}-${row}-${at}`, number: String(at), index: nth * size + row * length + at,
      x: left + at, y: top + row, accessible: false,
    });
    return {
      outline: { ...shown, first_index: nth * size, seats: size, outline: corners },
      map: { ...shown, first_index: nth * size, rows: Array.from({ length: rows }, (_, row) => ({
        label: String(row), seats: Array.from({ length }, (_, at) => seat(row, at)) })) },
    };
  });
  const hall = m.hallOf({ layout_version: 1, bounds: null, stage: null,
    sections: sections.map((one) => one.outline) });
  m.addSeats(hall, { layout_version: 1, sections: sections.map((one) => one.map) });
  const view = document.createElement('div');
  view.style.cssText = 'position: relative; width: 366px; height: 500px; overflow: hidden';
  document.body.append(view);
  let statuses = 'A'.repeat(hall.count);
  const states = { A: 'free', T: 'held' };
  const free = sections.map(() => size);
  const surface = new m.Surface(view, hall,
    { stateOf: (seat) => states[statuses[seat]], freeBySection: () => free },
    { press() {}, look() {} });
  const median = (all) => all.sort((a, b) => a - b)[Math.floor(all.length / 2)];
  const [compared, painted] = [[], []];
  for (let nth = 0; nth < times; nth += 1) {
    const letters = Array.from(statuses);
    for (let at = 0; at < 400; at += 1) {
      const seat = (at * 7919 + nth * 31) % hall.count;
      letters[seat] = letters[seat] === 'A' ? 'T' : 'A';
    }
    const after = letters.join('');
    const begun = performance.now();
    const found = m.changes(statuses, after).map(({ index }) => index);
    compared.push(performance.now() - begun);
    statuses = after;
    const drawing = performance.now();
    surface.change(found);
    painted.push(performance.now() - drawing);
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  }
  return { compared: median(compared), painted: median(painted) };
}
"""
