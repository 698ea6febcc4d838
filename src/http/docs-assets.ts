// Style and script of the documentation page. They stand in the page itself; its policy names their hashes.

export const style = `
:root { color-scheme: light dark; --line: light-dark(#ddd, #3a3a3a); --soft: light-dark(#f6f6f4, #1f1f1f); --accent: light-dark(#0b5cad, #7db7ff); }
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.55 system-ui, sans-serif; display: grid; grid-template-columns: 17rem minmax(0, 1fr); }
nav { position: sticky; top: 0; height: 100vh; overflow-y: auto; padding: 1rem; border-right: 1px solid var(--line); background: var(--soft); }
nav h2 { font-size: .8rem; margin: 1rem 0 .25rem; text-transform: uppercase; letter-spacing: .05em; }
nav ul { list-style: none; margin: 0; padding: 0; font-size: .9rem; }
nav a { display: block; padding: .15rem 0; text-decoration: none; }
nav input { width: 100%; padding: .4rem .5rem; font: inherit; border: 1px solid var(--line); border-radius: .3rem; background: Canvas; color: CanvasText; }
main { padding: 1rem 2rem 4rem; max-width: 60rem; }
section { border-top: 1px solid var(--line); margin-top: 2rem; padding-top: .5rem; }
a { color: var(--accent); }
h3 code { font-size: .95em; }
code, pre { font: .88em/1.5 ui-monospace, monospace; }
pre { background: var(--soft); border: 1px solid var(--line); border-radius: .3rem; padding: .75rem; overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .75rem .3rem 0; border-bottom: 1px solid var(--line); }
.method { font-weight: 700; }
summary { cursor: pointer; }
@media (max-width: 50rem) { body { display: block; } nav { position: static; height: auto; border: 0; } main { padding: 1rem; } }
`;

export const script = `
const search = document.getElementById('search');
search.hidden = false;
search.addEventListener('input', () => {
  const words = search.value.toLowerCase().split(/\\s+/).filter(Boolean);
  for (const element of document.querySelectorAll('[data-text]'))
    element.hidden = !words.every((word) => element.dataset.text.includes(word));
});
`;
