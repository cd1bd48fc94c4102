// What scripts add to the pages: the switch to dark, the table of contents, search.
"use strict";

// The switch. Until it is pressed, the reader's system decides.
{
  const button = document.getElementById("theme"), page = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const dark = () => page.dataset.theme ? page.dataset.theme === "dark" : system.matches;
  const show = () => button.setAttribute("aria-pressed", dark());
  button.hidden = false;
  button.addEventListener("click", () => {
    page.dataset.theme = dark() ? "light" : "dark";
    try { localStorage.setItem("nptorch-theme", page.dataset.theme); } catch { /* as in theme.js */ }
    show();
  });
  system.addEventListener("change", show);
  show();
}

// What scrolls sideways can be reached and scrolled by keyboard; nothing else stops the Tab key.
{
  const boxes = document.querySelectorAll("main pre, main .wide, main math[display=block], .toc nav");
  const measure = () => {
    for (const box of boxes) {
      const scrolls = box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1;
      if (scrolls) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
  };
  addEventListener("load", measure);
  addEventListener("resize", measure);
  for (const fold of document.querySelectorAll("details")) fold.addEventListener("toggle", measure);
}

// The table of contents stands open beside the page where there is room, and says where one is.
{
  const toc = document.querySelector(".toc");
  if (toc) {
    const beside = matchMedia("(min-width: 72rem)");
    const fit = () => { toc.open = beside.matches; };
    beside.addEventListener("change", fit);
    fit();
    const links = [...toc.querySelectorAll("a")];
    const headings = links.map(link => document.getElementById(decodeURIComponent(link.hash.slice(1))));
    let waiting = false;
    const mark = () => {
      waiting = false;
      let now = -1;
      headings.forEach((heading, i) => { if (heading.getBoundingClientRect().top < 120) now = i; });
      links.forEach((link, i) => {
        if (i === now) link.setAttribute("aria-current", "location");
        else link.removeAttribute("aria-current");
      });
    };
    addEventListener("scroll", () => {
      if (!waiting) requestAnimationFrame(mark);
      waiting = true;
    }, {passive: true});
    mark();
  }
}

// What is folded is printed, and closed again afterwards.
{
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("main details:not([open])")];
    for (const fold of opened) fold.open = true;
  });
  addEventListener("afterprint", () => { for (const fold of opened) fold.open = false; });
}

// Search: every word must begin some word of the section, of its heading or of its page's title.
// index.js, [address, heading, title of the page, text] for each section, is loaded when it is wanted.
{
  const form = document.querySelector("form[role=search]"), input = document.getElementById("search");
  const box = document.getElementById("found"), list = box.querySelector("ol");
  const status = box.querySelector("[role=status]"), most = 20;
  form.hidden = false;

  let loading = null;
  const load = () => loading ||= new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = "index.js";
    script.onload = done;
    script.onerror = failed;
    document.head.append(script);
  }).then(() => {
    for (const row of nptorch.index) row.push(...row.slice(1, 4).map(text => text.toLowerCase()));
  });

  const quoted = word => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const find = words => {
    const patterns = words.map(word => RegExp((/^\w/.test(word) ? "(?<![a-z0-9])" : "") + quoted(word), "g"));
    const found = [];
    for (const [address, heading, title, text, ...low] of nptorch.index) {
      let score = 0;
      for (const pattern of patterns) {
        const counts = low.map(part => (part.match(pattern) || []).length);
        if (!counts.some(Boolean)) { score = -1e9; break; }
        score += 30 * Math.min(counts[0], 1) + 10 * Math.min(counts[1], 1) + Math.min(counts[2], 8);
      }
      if (`.${low[0]}`.endsWith(`.${words.join(" ")}`)) score += 60;  // the heading, or a name
      if (score > 0) found.push({address, heading, title, text, low: low[2], score});
    }
    found.sort((a, b) => b.score - a.score);
    return {found, patterns};
  };

  // Text with its matches marked, as nodes.
  const marked = (text, patterns) => {
    const parts = [], low = text.toLowerCase();
    let place = 0;
    const all = patterns.flatMap(p => [...low.matchAll(p)]).sort((a, b) => a.index - b.index);
    for (const match of all) {
      if (match.index < place) continue;
      const mark = document.createElement("mark");
      mark.textContent = text.slice(match.index, match.index + match[0].length);
      parts.push(text.slice(place, match.index), mark);
      place = match.index + match[0].length;
    }
    return [...parts, text.slice(place)];
  };

  const excerpt = ({text, low}, patterns) => {
    const first = Math.min(...patterns.map(p => low.search(p)).filter(i => i >= 0));
    const start = Number.isFinite(first) && first > 60 ? text.lastIndexOf(" ", first - 50) + 1 : 0;
    return (start ? "… " : "") + text.slice(start, start + 170) + (text.length > start + 170 ? " …" : "");
  };

  const show = async () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    if (!words.length) { box.hidden = true; return; }
    await load();
    const {found, patterns} = find(words);
    list.replaceChildren(...found.slice(0, most).map(hit => {
      const item = document.createElement("li"), link = document.createElement("a");
      const where = document.createElement("span"), text = document.createElement("p");
      link.href = hit.address;
      link.append(...marked(hit.heading, patterns));
      where.textContent = hit.heading === hit.title ? "" : hit.title;
      text.append(...marked(excerpt(hit, patterns), patterns));
      item.append(link, " ", where, text);
      return item;
    }));
    status.textContent = found.length > most ? `${most} of ${found.length} places` :
      found.length === 1 ? "1 place" : `${found.length} places`;
    box.hidden = false;
  };
  const close = () => { box.hidden = true; };

  input.addEventListener("focus", load);
  input.addEventListener("input", show);
  form.addEventListener("submit", event => {
    event.preventDefault();
    list.querySelector("a")?.click();
  });
  addEventListener("keydown", event => {
    const links = [input, ...list.querySelectorAll("a")], now = links.indexOf(document.activeElement);
    const typing = /^(input|textarea|select)$/i.test(event.target.tagName) || event.target.isContentEditable;
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      input.focus();
      input.select();
    } else if (event.key === "Escape" && !box.hidden) {
      close();
      input.focus();
    } else if (/^Arrow(Up|Down)$/.test(event.key) && now >= 0 && !box.hidden) {
      event.preventDefault();
      links[Math.max(0, Math.min(links.length - 1, now + (event.key === "ArrowDown" ? 1 : -1)))].focus();
    }
  });
  list.addEventListener("click", event => { if (event.target.closest("a")) close(); });
  document.addEventListener("click", event => { if (!event.target.closest("header")) close(); });
}
