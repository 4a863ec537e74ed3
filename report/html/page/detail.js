/*
 * Everything about one attempt: as the card beside the pointer and, once
 * pinned, as a section with its own address (#attempt=...).
 */

/* What happened, in order: [{t, text, note, lost}]. */
function story(attempts, i) {
	const t = attempts.time;
	const list = [];
	let syns = 0;
	let synacks = 0;

	for (let m = attempts.markStart[i]; m < attempts.markStart[i + 1]; m++) {
		const kind = attempts.report.names.marks[attempts.markCode[m] & 15];
		let text = words(MARK_WORDS, kind);
		if (kind === "syn" && syns++ > 0)
			text = "SYN retransmitted (" + syns + ")";
		if (kind === "syn-ack" && synacks++ > 0)
			text = "SYN-ACK retransmitted (" + synacks + ")";
		list.push({t: attempts.markTime[m], text, ...markNote(attempts, m)});
	}
	const has = (kind) => list.some((event) => event.kind === kind);
	if (!has("syn") && !Number.isNaN(t.syn[i]))
		list.push({t: t.syn[i], text: "SYN", note: ""});
	if (!has("syn-ack") && !Number.isNaN(t.synack[i]))
		list.push({t: t.synack[i], text: "SYN-ACK", note: ""});
	if (!has("ack") && !Number.isNaN(t.ack[i]))
		list.push({t: t.ack[i], text: "final ACK: the handshake is complete", note: ""});
	if (t.entered[i] > t.ack[i] && !list.some((event) => event.t === t.entered[i]))
		list.push({t: t.entered[i], text: "entered the accept queue", note: ""});
	for (const event of list)
		if (event.t === t.entered[i] && event.kind)
			event.note = [event.note, "enters the accept queue"].filter(Boolean).join(", ");
	const pid = attempts.acceptPid[i] ? "process " + attempts.acceptPid[i] : "";
	if (!Number.isNaN(t.accept[i]))
		list.push({t: t.accept[i], text: "accept() returned it", note: pid, call: true});
	else if (!Number.isNaN(t.accept_before[i]))
		list.push({t: t.accept_before[i], text: "accept() returned it by now", call: true, note: [pid, Number.isNaN(t.accept_after[i]) ? "" :
			"not yet at " + moment(t.accept_after[i])].filter(Boolean).join("; ")});
	const child = attempts.childPid[i] ? "process " + attempts.childPid[i] : "";
	for (const [name, text] of [["fork", "fork() of the child that serves it"], ["first_byte", "first byte of the request read"],
		["reply", "reply written"], ["close", "server closed"], ["exit", "child exited"]])
		if (!Number.isNaN(t[name][i]))
			list.push({t: t[name][i], text, note: name === "fork" || name === "exit" ? child : "", call: true});
	if (Number.isNaN(t.close[i]) && !Number.isNaN(t.end[i]) && !list.some((event) => event.t === t.end[i]))
		list.push({t: t.end[i], text: "end of the connection", note: ""});
	return list.sort((x, y) => x.t - y.t);
}

function markNote(attempts, m) {
	const code = attempts.markCode[m];
	const kind = attempts.report.names.marks[code & 15];
	const notes = [];
	let cause = "";
	if (code & MARK_DROPPED)
		notes.push("DROPPED");
	if (code & MARK_CAUSE)
		cause = words(attempts.report.names.words, attempts.report.names.causes[attempts.markCause[m]]) + ", " +
			attempts.report.names.confidences[attempts.markConfidence[m]];
	if (code & MARK_DEPTH)
		notes.push("accept queue at " + count(attempts.markDepth[m]) + " of " + count(attempts.markLimit[m] + 1));
	if (code & MARK_AMONG) {
		const {packets, dropped} = attempts.markAmong.get(m);
		notes.push(count(dropped) + " of these " + plural(packets, "packet") + " around that time, which of them is not known");
	}
	if (attempts.markFrame[m])
		notes.push("frame " + attempts.markFrame[m]);
	return {note: notes.join(", "), cause, lost: (code & MARK_DROPPED) !== 0, kind};
}

function eventTable(clock, events, start, short) {
	let before = start;
	const columns = [{title: "Time", number: true}, {title: "Time of day", number: true}, {title: "Since first SYN", number: true},
		{title: "Since previous", number: true}, {title: "Event"}, {title: "Evidence"}];
	const rows = events.map((event) => {
		const gap = event.t - before;
		before = event.t;
		return {
			attributes: {class: event.lost ? "lost" : null},
			cells: [{text: moment(event.t), data: Math.round(event.t)}, clock.time(event.t, 6), "+" + duration(event.t - start),
				gap ? "+" + duration(gap) : "", event.text, [event.note, short ? "" : event.cause].filter(Boolean).join("; ")],
		};
	});
	/* Beside the pointer there is room for less; what is left out stands in the list above, or comes with the pin. */
	if (short)
		return table(null, columns.slice(2), rows.map((row) => ({...row, cells: row.cells.slice(2)})));
	return el("div", {class: "table-wrap"}, table(null, columns, rows, {class: "events"}));
}

/* The whole as a node; short for the card. */
function detail(attempts, i, extra, short) {
	const outcome = attempts.outcomeName(i);
	const start = attempts.anchor[i];
	const events = story(attempts, i);
	const says = el("ul", {class: "says"});

	const named = attempts.report.names.words;
	says.append(el("li", null, words(named, outcome) +
		(attempts.ghost(i) ? "; the client had reset it while it waited, so the first read fails with ECONNRESET" : "")));
	for (const cause of attempts.causesOf(i))
		says.append(el("li", null, words(named, cause.name), " ",
			el("span", {class: "muted"}, "(" + cause.name + (cause.packets ? "; " + plural(cause.packets, "packet") : "") + "; " +
				cause.confidence + ": " + words(named, cause.confidence) + ")")));
	if (attempts.evicted(i))
		says.append(el("li", null, "incomplete: the table of open attempts was full"));
	if (attempts.marksLost[i])
		says.append(el("li", null, plural(attempts.marksLost[i], "more packet") + " not kept"));

	const lats = LATENCIES.filter((name) => !Number.isNaN(attempts.latency[name][i])).map((name) =>
		words(name === "queue_wait" ? LATENCY_NOTES : named, name) + " " + duration(attempts.latency[name][i]));
	return el("div", {class: "detail"},
		el("div", {class: "detail-head"},
			el("b", {class: "mono"}, attempts.clientText(i)),
			el("span", {class: "muted mono"}, "→ " + attempts.serverText(i)),
			el("span", {class: "badge " + outcomeClass(outcome)}, outcome),
			el("span", {class: "muted"}, "attempt " + count(attempts.number[i]) + ", ISN " + attempts.isn[i] + ", " + moment(start) +
				" (" + attempts.report.clock.time(start, 6) + ")"),
			extra),
		says,
		lats.length ? el("p", null, lats.join(" · ")) : null,
		eventTable(attempts.report.clock, events, start, short));
}

class Look {
	constructor(context, attempts) {
		this.context = context;
		this.attempts = attempts;
		this.card = byId("card");
		this.section = byId("pinned");
		this.pointed = -1;
		this.pinned = -1;
		this.watchers = [];
		addEventListener("hashchange", () => this.fromHash(true));
		addEventListener("scroll", () => (this.card.hidden = true), {passive: true});
	}

	watch(fn) {
		this.watchers.push(fn);
	}

	changed() {
		for (const fn of this.watchers)
			fn(this);
	}

	/* The card of attempt i near a place in the window. */
	point(i, share, x, y) {
		if (i !== this.pointed) {
			this.pointed = i;
			this.card.hidden = i < 0;
			if (i >= 0) {
				this.card.replaceChildren(detail(this.attempts, i, share > 1 ?
					el("span", {class: "muted"}, "one of about " + count(share) + " attempts in this row") : null, true));
			}
			this.changed();
		}
		if (i >= 0) {
			this.card.hidden = false;
			this.place(x, y);
		}
	}

	place(x, y) {
		const {offsetWidth: width, offsetHeight: height} = this.card;
		const left = x + 18 + width < innerWidth - 8 ? x + 18 : x - 18 - width;
		const top = y + 18 + height < innerHeight - 8 ? y + 18 : innerHeight - 8 - height;
		this.card.style.left = Math.max(8, left) + "px";
		this.card.style.top = Math.max(8, top) + "px";
	}

	/* Attempt i in one sentence, for screen readers. */
	say(i, place, of) {
		const a = this.attempts;
		const parts = [a.clientText(i) + " to " + a.serverText(i), a.outcomeName(i)];
		if (a.drops(i))
			parts.push(plural(a.drops(i), "packet") + " dropped");
		for (const [name, text] of [["connect", "connect() took "], ["accept_wait", "waited for accept() "]])
			if (!Number.isNaN(a.latency[name][i]))
				parts.push(text + duration(a.latency[name][i]));
		return count(place) + " of " + count(of) + ": " + parts.join(", ") + ". Enter pins it.";
	}

	/* Pins attempt i, unpins with -1 or the same again. */
	pin(i) {
		const next = i === this.pinned ? -1 : i;
		if (next === -1 && this.pinned === -1)
			return;
		this.show(next);
		const hash = next < 0 ? "" : "#attempt=" + encodeURIComponent(this.attempts.linkName(next)).replaceAll("%3A", ":");
		/* Replaced, not pushed: walking the lanes must not bury the page that one came from. */
		history.replaceState(null, "", location.pathname + location.search + hash);
	}

	show(i) {
		this.pinned = i;
		this.section.hidden = i < 0;
		this.section.replaceChildren();
		if (i >= 0) {
			const zoom = el("button", {type: "button"}, "Zoom to it");
			const close = el("button", {type: "button", "aria-label": "Unpin"}, "Unpin");
			zoom.addEventListener("click", () => this.zoomTo(i));
			close.addEventListener("click", () => this.pin(-1));
			this.section.setAttribute("aria-label", "Pinned attempt " + this.attempts.clientText(i));
			this.section.append(detail(this.attempts, i, el("span", {class: "end no-print"}, zoom, close)));
		}
		this.changed();
	}

	zoomTo(i) {
		const from = this.attempts.anchor[i];
		const width = Math.max(this.attempts.last[i] - from, NARROWEST_NS);
		this.context.view.set(from - width * 0.05, from + width * 1.05);
	}

	/* #attempt=CLIENT or #attempt=NUMBER; says so when there is none like it. */
	fromHash(again) {
		const match = /^#attempt=(.+)$/.exec(location.hash);
		if (!match)
			return;
		let name = match[1];
		try {
			name = decodeURIComponent(name);
		} catch {
			/* Not percent-encoded: take it as it stands. */
		}
		const i = this.attempts.find(name);
		const problem = byId("problem");
		problem.hidden = i >= 0;
		if (i < 0) {
			problem.textContent = "This report has no attempt “" + name + "”, which the link names.";
			return;
		}
		if (again && i === this.pinned)
			return;
		this.show(i);
		this.goTo();
	}

	/* To the pinned attempt, below the bar that stays at the top; again once the charts have their size. */
	goTo() {
		this.section.scrollIntoView({block: "start"});
		requestAnimationFrame(() => requestAnimationFrame(() => this.section.scrollIntoView({block: "start"})));
	}
}
