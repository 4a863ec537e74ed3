/* The tables below the timeline: latency, outcomes and causes, listeners, ledger, losses, host. */

const number = (title) => ({title, number: true});
const ns = (value) => ({text: duration(value), data: value});
const n = (value) => ({text: count(value), data: value});

function showLatency(report) {
	const host = byId("latency");
	const names = LATENCIES.filter((name) => report.latency[name] && report.latency[name].count > 0);
	const keys = ["min", "p50", "p90", "p99", "p999", "max"];

	if (!names.length) {
		host.append(el("p", null, "No latency was measured."));
		return;
	}
	host.append(el("div", {class: "table-wrap"}, table("All attempts that completed the phase", [
		{title: "Phase"}, number("Count"), ...["min", "p50", "p90", "p99", "p99.9", "max"].map(number)],
	names.map((name) => ({
		attributes: {"data-latency": name},
		cells: [el("span", {title: words(LATENCY_NOTES, name)}, words(report.names.words, name)), n(report.latency[name].count),
			...keys.map((key) => ns(report.latency[name][key]))],
	})))));
	host.append(el("div", {class: "histograms"}, ...names.filter((name) => report.bars[name].length).map((name) => histogram(name, report))));
}

/* Bars on a logarithmic axis of time; what is rare stays visible as at least a pixel. */
function histogram(name, report) {
	const bars = report.bars[name];
	const summary = report.latency[name];
	const title = words(report.names.words, name);
	const says = words(LATENCY_NOTES, name);
	const width = 360;
	const height = 130;
	const floor = height - 20;
	const low = Math.log10(Math.max(bars[0][0], 1));
	const high = Math.max(Math.log10(Math.max(bars[bars.length - 1][1], 2)), low + 0.05);
	const x = (value) => 2 + ((Math.log10(Math.max(value, 1)) - low) / (high - low)) * (width - 4);
	const most = Math.max(...bars.map((bar) => bar[2]));
	const box = svg("svg", {viewBox: "0 0 " + width + " " + height, role: "img", "aria-label": title + ": " +
		plural(summary.count, "value") + ", p50 " + duration(summary.p50) + ", p99 " + duration(summary.p99) + ", max " + duration(summary.max)});

	for (const [from, to, many] of bars) {
		if (!many)
			continue;
		const left = Math.min(Math.max(x(from), 2), width - 4);
		const tall = Math.max(1.5, (many / most) * (floor - 16));
		box.append(svg("rect", {class: "bar-fill", x: left, y: floor - tall, width: Math.max(Math.min(x(to), width - 2) - left - 0.6, 1), height: tall},
			svg("title", null, duration(from) + " to " + duration(to) + ": " + count(many))));
	}
	box.append(svg("line", {class: "axis-line", x1: 0, x2: width, y1: floor, y2: floor}));
	let right = 1e9;
	for (const [key, label] of [["p99", "p99"], ["p50", "p50"]]) {
		const at = Math.min(Math.max(x(summary[key]), 2), width - 2);
		box.append(svg("line", {class: "mark-line", x1: at, x2: at, y1: 12, y2: floor}));
		/* Each label beside its line: where both are close, the lower one goes to the left. */
		const middle = Math.min(Math.max(at, 16), width - 16);
		const beside = right - middle < 34;
		if (!beside || at > 34)
			box.append(svg("text", {x: beside ? Math.min(at - 2, right - 18) : middle, y: 10, "text-anchor": beside ? "end" : "middle"}, label));
		right = middle;
	}
	let last = -1e9;
	for (let power = Math.ceil(low); power <= high; power++) {
		const at = x(10 ** power);
		if (at - last < 52 || at > width - 16)
			continue;
		last = at;
		box.append(svg("line", {class: "axis-line", x1: at, x2: at, y1: floor, y2: floor + 4}));
		box.append(svg("text", {x: at, y: height - 4, "text-anchor": at < 20 ? "start" : "middle"}, duration(10 ** power).replace(".00", "").replace(".0", "")));
	}
	if (last < 0) {
		box.append(svg("text", {x: 2, y: height - 4}, duration(bars[0][0])));
		box.append(svg("text", {x: width - 2, y: height - 4, "text-anchor": "end"}, duration(bars[bars.length - 1][1])));
	}
	return el("figure", null, el("figcaption", {title: says}, title), box);
}

function showOutcomes(report) {
	const rows = (list, row) => list.map((many, at) => ({many, at})).filter(({many}) => many > 0)
		.sort((a, b) => b.many - a.many).map(({many, at}) => row(many, at));

	const scrolling = (node) => el("div", {class: "table-wrap"}, node);
	byId("outcomes").append(el("div", {class: "two"},
		scrolling(table("Outcomes", [{title: "Outcome"}, number("Attempts"), number("Share"), {title: "Meaning"}],
			rows(report.outcomes, (many, at) => ({
				attributes: {"data-outcome": report.names.outcomes[at]},
				cells: [report.names.outcomes[at], n(many), percent(many, report.attempts), words(report.names.words, report.names.outcomes[at])],
			})))),
		report.causes.some((many) => many > 0) ? scrolling(table("Causes of drops and delays", [{title: "Cause"}, number("Attempts"), number("Packets"),
			{title: "Meaning"}],
		rows(report.causes, (many, at) => ({
			attributes: {"data-cause": report.names.causes[at]},
			cells: [report.names.causes[at], n(many), n(report.cause_packets[at]), words(report.names.words, report.names.causes[at])],
		})))) : el("p", null, "No drop or delay was found.")));
}

function showListeners(report) {
	const host = byId("listeners");
	if (!report.listeners.length) {
		host.append(el("p", null, "No listener is known."));
		return;
	}
	host.append(el("div", {class: "table-wrap"}, table(null, [{title: "Listener", address: true}, {title: "Process"}, number("Backlog"), number("Limit"), number("Capacity"),
		number("Peak"), number("Sampled"), number("Samples"), number("Times full"), number("Full for"), number("Drops"), number("sk_drops"),
		number("Attempts"), {title: "Notes"}],
	report.listeners.map((l) => {
		const notes = [];
		if (l.reuseport)
			notes.push("in a SO_REUSEPORT group" + (l.group_attempts ? "; of " + plural(l.group_attempts, "more attempt") +
				" it is not known which of its sockets took " + (l.group_attempts === 1 ? "it" : "them") : ""));
		if (l.closed)
			notes.push("closed during the observation");
		if (l.defer_accept_s > 0)
			notes.push("TCP_DEFER_ACCEPT " + l.defer_accept_s + " s");
		if (l.fastopen > 0)
			notes.push("TCP Fast Open (queue limit " + l.fastopen + ")");
		if (l.disagreements)
			notes.push(plural(l.disagreements, "sample") + " that disagree" + (l.disagreements === 1 ? "s" : "") + " with the rebuilt depth");
		for (const series of ["sampled", "rebuilt", "half_open"])
			if (l[series].merged)
				notes.push(plural(l[series].merged, "point") + " of the " + series.replace("_", "-") + " curve merged");
		return {
			attributes: {"data-listener": l.name, class: l.drops ? "lost" : null},
			cells: [l.name, [l.comm, l.pids.length ? "pid " + l.pids.join(", ") : ""].filter(Boolean).join(" ") || UNKNOWN,
				n(l.backlog), n(l.limit), n(l.capacity), n(l.queue_peak), n(l.sampled_peak), n(l.samples), n(l.episodes.length + l.full_episodes_lost),
				ns(l.full_ns), n(l.drops), n(l.sk_drops),
				l.group_attempts && !l.attempts ? {text: UNKNOWN, data: l.attempts} : n(l.attempts), notes.join("; ")],
		};
	}), {class: "wide"})));
}

function showLedger(report) {
	const host = byId("ledger");
	if (!report.ledger.length) {
		host.append(el("p", null, "No counter was read: the verdicts cannot be checked against the kernel."));
		return;
	}
	if (report.filter)
		host.append(el("p", null, "Of all attempts: the kernel's counters cannot be filtered."));
	const open = report.ledger.filter((row) => row.observed !== null && row.unexplained !== 0);
	const drops = report.listeners.reduce((sum, l) => sum + (l.drops || 0), 0);
	const uncompared = report.listeners.reduce((sum, l) => sum + (l.drops_uncompared || 0), 0);
	host.append(el("p", null, (open.length ? "The verdicts do not explain every counter: see the column “Unexplained”." :
		"The verdicts explain every counter.") + (uncompared ? " Of " + count(drops) + " dropped packets " + count(uncompared) +
		" came before the first reading of the counters or after the last: they are not compared." : "")));
	host.append(el("div", {class: "table-wrap"}, table(null, [{title: "Counter"}, number("Observed"), number("Explained"), number("Unexplained"), {title: "Explained as"}],
		report.ledger.map((row) => ({
			attributes: {"data-counter": row.counter},
			cells: [el("span", {class: "mono"}, row.counter), row.observed === null ? "not read" : n(row.observed), n(row.explained),
				row.observed === null ? UNKNOWN : {text: count(row.unexplained), data: row.unexplained, class: row.unexplained ? "warn" : null},
				row.parts.map((part) => count(part.count) + " " + part.class).join("; ")],
		})), {class: "wide"})));
}

function showLosses(report) {
	const host = byId("losses");
	const rows = Object.entries(report.losses).map(([name, many]) => [words(report.names.words, name), n(many)]);
	rows.push(["events that arrived too late to be used", n(report.late_events)]);
	rows.push(["segments of connections whose SYN was not captured", n(report.other_segments)]);
	for (const overflow of report.overflows)
		rows.push(["did not fit into the table of " + overflow.table + " (bound " + count(overflow.bound) + ")", n(overflow.count)]);
	for (const [reason, many] of Object.entries(report.skipped))
		if (many)
			rows.push(["skipped frames: " + words(report.names.words, reason), n(many)]);
	const bad = rows.filter((row) => row[1].data > 0);
	host.append(el("div", {class: "two"},
		bad.length ? table("Losses", [{title: "What"}, number("Count")], bad) :
			el("p", null, "Losses: none" + (report.kind === "pcap" ? " recorded in the capture file." : "; no packet, sample or event was lost.")),
		report.notes.length ? el("div", null, el("h3", null, "What is unknown, and why"),
			el("ul", {class: "plain"}, ...report.notes.map((note) => el("li", null, note)))) : null));
}

function showHost(report) {
	const list = el("dl");
	const add = (name, value) => value === null || value === undefined || value === "" ? null :
		list.append(el("dt", null, name), el("dd", null, value));

	add("source", report.kind + " " + report.path);
	add("start", report.clock.date(0, 9));
	add("duration", duration(report.span));
	add("packets", count(report.packets) + ", " + count(report.packets_dropped) + " lost");
	const {identity, ...settings} = report.host || {};
	add("host", identity && identity.hostname);
	add("network namespace", identity && identity.netns && String(identity.netns));
	for (const [name, value] of Object.entries(settings))
		add(name === "kernel" ? "kernel" : "sysctl " + name, value === null ? "unknown" : String(value));
	if (report.recording) {
		add("interface", report.recording.interface);
		add("capture filter", report.recording.filter && el("details", null, el("summary", null, "show"), report.recording.filter));
		add("sample interval", report.recording.sample_interval_us ? duration(report.recording.sample_interval_us * 1000) : null);
		add("targets", report.recording.targets.join(", "));
		for (const [name, source] of Object.entries(report.recording.sources))
			add("source " + name, (source.on ? "on" : "off") + (source.note ? ": " + source.note : ""));
	}
	add("tool", report.tool.name + " " + report.tool.version);
	byId("host").append(list);
}
