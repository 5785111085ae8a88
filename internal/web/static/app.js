// Follows a run or a job. Everything that comes from the server as data is set
// as text; a part of a page comes as HTML that the server has escaped.
"use strict";
(() => {
  const live = document.getElementById("live");
  const steps = document.getElementById("steps");
  const maxLines = 5000; // of a step

  // Durations of what is in progress keep counting.
  setInterval(() => {
    for (const el of document.querySelectorAll("[data-since]")) {
      const s = Math.max(0, Math.floor(Date.now() / 1000 - el.dataset.since));
      const m = Math.floor(s / 60), h = Math.floor(m / 60);
      el.textContent = h ? `${h}h ${m % 60}m ${s % 60}s` : m ? `${m}m ${s % 60}s` : `${s}s`;
    }
  }, 1000);

  // A link to a line opens what it is in.
  const reveal = () => {
    const el = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let d = el && el.closest("details"); d; d = d.parentElement.closest("details")) d.open = true;
    if (el && steps) el.scrollIntoView({block: "center"});
  };
  addEventListener("hashchange", reveal);
  if (steps) reveal();

  if (!live || !live.dataset.live) return;

  // refresh loads the changing part of the page again, one request at a time.
  let busy = false, again = false;
  const refresh = async () => {
    if (busy) { again = true; return; }
    busy = true;
    try {
      const url = new URL(location.href);
      url.searchParams.set("part", "live");
      const answer = await fetch(url);
      if (answer.ok) {
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
        if (steps) {
          for (const around of ["main > .head", ".side"]) {
            const part = fresh.querySelector(around.replace("main > ", ""));
            if (part) document.querySelector(around).replaceWith(part);
          }
        }
        for (const d of live.querySelectorAll("details[open][id]")) {
          const same = fresh.getElementById(d.id);
          if (same) same.open = true;
        }
        const focus = document.activeElement && live.contains(document.activeElement) && document.activeElement.getAttribute("href");
        live.replaceChildren(...fresh.body.childNodes);
        const el = focus && [...live.querySelectorAll("a[href]")].find((a) => a.getAttribute("href") === focus);
        if (el) el.focus({preventScroll: true});
      }
    } catch { /* the stream comes back, and with it the next event */ }
    busy = false;
    if (again) { again = false; refresh(); }
  };

  // say tells people why nothing moves on the page: about its lines, or about its own
  // connection to the server.
  const view = document.getElementById("view");
  const say = (about, text) => {
    let p = view.querySelector(`[data-about="${about}"]`);
    if (!text) { if (p) p.remove(); return; }
    if (!p) {
      p = document.createElement("p");
      p.dataset.about = about;
      view.append(p);
    }
    if (p.textContent !== text) p.textContent = text;
  };

  // open follows a stream until it says that all is over. What answers with something
  // else while the server is away, as a proxy does, ends the browser's own patience.
  let source, last = "", late = 0;
  const patience = 5000;
  const open = (url, handlers) => {
    source = new EventSource(url(last));
    for (const [name, f] of Object.entries(handlers)) {
      source.addEventListener(name, (e) => {
        if (e.lastEventId) last = e.lastEventId;
        f(JSON.parse(e.data));
      });
    }
    source.addEventListener("open", () => {
      clearTimeout(late);
      late = 0;
      say("page", "");
    });
    source.addEventListener("error", () => {
      late ||= setTimeout(() => say("page", "The connection to the server is lost. This page tries to get it back."), patience);
      if (source.readyState === EventSource.CLOSED) setTimeout(() => retry(url, handlers), patience);
    });
    source.addEventListener("end", () => {
      source.close();
      say("lines", "");
    });
  };
  const retry = async (url, handlers) => {
    const answer = await fetch(url(last), {method: "HEAD"}).catch(() => null);
    if (!answer || answer.ok || answer.status >= 500 || answer.status === 429) { open(url, handlers); return; }
    clearTimeout(late);
    say("page", "This page is not live any more. Load it again.");
  };
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (e) => { if (e.persisted) location.reload(); });

  if (!steps) {
    open(() => live.dataset.live, {changed: refresh});
    return;
  }

  // The page of a job.
  const known = new Map();
  const adopt = (el) => {
    const body = el.querySelector(".lines");
    const st = {el, body, into: body, shown: [...body.querySelectorAll(".l")], touched: false};
    el.querySelector("summary").addEventListener("click", () => { st.touched = true; });
    return st;
  };
  for (const el of steps.querySelectorAll(".step")) known.set(+el.dataset.step, adopt(el));
  const have = [...known].map(([n, st]) => `${n}:${st.el.querySelector(":scope > data").value}`).join(",");

  const add = (n) => {
    const el = document.getElementById("step").content.firstElementChild.cloneNode(true);
    el.id = `step:${n}`;
    el.dataset.step = n;
    const next = [...known.keys()].filter((k) => k > n).sort((a, b) => a - b)[0];
    steps.insertBefore(el, next === undefined ? null : known.get(next).el);
    known.set(n, adopt(el));
    return known.get(n);
  };

  const showSteps = (list) => {
    for (const s of list) {
      const st = known.get(s.n) || add(s.n);
      const head = st.el.querySelector("summary"), icon = head.querySelector("svg"), took = head.querySelector(".took");
      icon.setAttribute("class", `i ${s.class}`);
      icon.setAttribute("aria-label", s.label);
      icon.querySelector("use").setAttribute("href", `#${s.class}`);
      head.querySelector(".grow").textContent = s.name;
      if (s.since) took.dataset.since = s.since;
      else { delete took.dataset.since; took.textContent = s.took; }
      if (!st.touched && s.class !== st.state) {
        if (s.class === "running" || s.class === "failure") st.el.open = true;
        else if (st.state === "running") st.el.open = false;
      }
      st.state = s.class;
    }
  };

  const line = (n, at, l) => {
    const el = document.createElement("div"), number = document.createElement("a"), text = document.createElement("span");
    el.className = l.k ? `l ${l.k}` : "l";
    el.id = number.hash = `step:${n}:${at}`;
    number.textContent = at;
    if (l.w) text.append(l.w);
    for (const [style, words] of l.p) {
      if (!style) { text.append(words); continue; }
      const piece = document.createElement("i");
      piece.className = style;
      piece.textContent = words;
      text.append(piece);
    }
    el.append(number, text);
    return el;
  };

  const showLines = (e) => {
    const st = known.get(e.n) || add(e.n);
    const bottom = innerHeight + scrollY >= document.documentElement.scrollHeight - 60;
    if (e.lost) {
      const gap = document.createElement("p");
      gap.className = "gap";
      gap.textContent = "Lines are missing here; the page has them when it is loaded again.";
      st.into.append(gap);
    }
    e.lines.forEach((l, i) => {
      if (l.k === "endgroup") {
        if (st.into !== st.body) st.into = st.into.parentElement;
        return;
      }
      const el = line(e.n, e.from + i, l);
      if (l.k === "group") {
        const group = document.createElement("details"), head = document.createElement("summary");
        head.append(el);
        group.append(head);
        st.into.append(group);
        st.into = group;
      } else st.into.append(el);
      st.shown.push(el);
    });
    while (st.shown.length > maxLines) {
      const el = st.shown.shift();
      const group = el.parentElement.localName === "summary" && el.parentElement.parentElement;
      if (!group) el.remove();
      else if (group.childElementCount === 1 && group !== st.into) group.remove();
    }
    if (bottom) scrollTo({top: document.documentElement.scrollHeight});
  };

  open((last) => `${live.dataset.live}&have=${last || have}`, {
    steps: showSteps,
    lines: showLines,
    view: (v) => say("lines", v.text),
    head: (state) => { if (state !== live.dataset.state) { live.dataset.state = state; refresh(); } },
  });
})();
