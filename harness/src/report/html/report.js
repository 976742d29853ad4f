'use strict';
// Without this script the page is whole: it adds buttons that copy, a search over what is folded,
// and opens everything for printing.
(function () {
  const all = (query, root) => Array.from((root || document).querySelectorAll(query));

  function copy(text, pre) {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    // An old browser, or a page that is not served securely: through the selection.
    const range = document.createRange();
    range.selectNodeContents(pre);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    return document.execCommand('copy') ? Promise.resolve() : Promise.reject();
  }

  all('.command').forEach((box) => {
    const pre = box.querySelector('pre');
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = 'Copy';
    const say = (word) => {
      button.textContent = word;
      setTimeout(() => { button.textContent = 'Copy'; }, 1600);
    };
    button.addEventListener('click', () => {
      Promise.resolve().then(() => copy(pre.textContent, pre)).then(() => say('Copied'), () => say('Select it'));
    });
    button.setAttribute('aria-live', 'polite');
    box.classList.add('copyable');
    box.append(button);
  });

  // Printing shows everything, and leaves what was folded as it was.
  let opened = [];
  addEventListener('beforeprint', () => {
    opened = all('details:not([open])');
    opened.forEach((one) => { one.open = true; });
  });
  addEventListener('afterprint', () => { opened.forEach((one) => { one.open = false; }); });

  const box = document.querySelector('.search');
  if (!box) return;
  box.hidden = false;
  const input = box.querySelector('input');
  const hits = box.querySelector('output');
  const pieces = all('.searched').map((node) => ({
    node,
    frame: node.closest('.scroll') || node,
    folds: foldsOf(node),
  }));
  const wasOpen = new Map();
  pieces.forEach((piece) => piece.folds.forEach((fold) => wasOpen.set(fold, fold.open)));
  const MOST = 2000;
  let marks = [];
  let now = -1;

  function foldsOf(node) {
    const folds = [];
    for (let up = node.closest('details'); up; up = up.parentElement.closest('details')) folds.push(up);
    return folds;
  }

  // Marks every place of the needle in the texts below a node.
  function mark(root, needle) {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    const texts = [];
    while (walker.nextNode()) texts.push(walker.currentNode);
    let found = 0;
    texts.forEach((text) => {
      let rest = text;
      for (;;) {
        const at = rest.data.toLowerCase().indexOf(needle);
        if (at === -1 || at + needle.length > rest.data.length || marks.length === MOST) return;
        const hit = rest.splitText(at);
        rest = hit.splitText(needle.length);
        const node = document.createElement('mark');
        hit.replaceWith(node);
        node.append(hit);
        marks.push(node);
        found += 1;
      }
    });
    return found;
  }

  function unmark(node) {
    const parent = node.parentNode;
    node.replaceWith(node.firstChild);
    parent.normalize();
  }

  function search() {
    const needle = input.value.toLowerCase().trim();
    marks.forEach(unmark);
    marks = [];
    now = -1;
    wasOpen.forEach((open, fold) => { fold.open = open; });
    pieces.forEach((piece) => {
      piece.frame.classList.remove('nomatch');
      if (needle === '') return;
      const found = mark(piece.node, needle);
      if (found) piece.folds.forEach((fold) => { fold.open = true; });
      // Of many stacks those are left that match.
      else if (piece.node.matches('.stack')) piece.frame.classList.add('nomatch');
    });
    const most = marks.length === MOST ? ' at least' : '';
    hits.textContent = needle === '' ? '' : marks.length ? `${most} ${marks.length} found`.trim() : 'nothing found';
  }

  function go(by) {
    if (!marks.length) return;
    if (now !== -1) marks[now].classList.remove('now');
    now = (now + by + marks.length + (now === -1 ? (by === -1 ? 1 : 0) : 0)) % marks.length;
    marks[now].classList.add('now');
    marks[now].scrollIntoView({ block: 'center' });
    hits.textContent = `${now + 1} of ${marks.length}`;
  }

  let timer = 0;
  input.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(search, 120);
  });
  input.addEventListener('keydown', (event) => {
    if (event.key === 'Enter') go(event.shiftKey ? -1 : 1);
    if (event.key === 'Escape') { input.value = ''; search(); }
  });
  box.querySelector('#search-on').addEventListener('click', () => go(1));
  box.querySelector('#search-back').addEventListener('click', () => go(-1));
})();
