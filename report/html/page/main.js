/* Reads the data that the page carries and puts the parts together. */

/* The text of an element of data; the element goes, its text is not needed twice. */
function take(node) {
	const text = node.textContent;
	node.remove();
	return text;
}

function showLegend(theme, phases) {
	const host = byId("legend");
	host.replaceChildren(
		...["connect", "handshake", "wait", "spawn", "serve", "close", "zombie"].map((name) => {
			const box = svg("svg", {width: 18, height: 10, "aria-hidden": "true"});
			const tall = name === "connect" ? 5 : name === "close" ? 2 : 10;
			box.append(svg("rect", {x: 0, y: 5 - tall / 2, width: 18, height: tall, fill: theme.colour(BAR[name]),
				"fill-opacity": name === "zombie" ? 0.45 : 1, stroke: name === "zombie" ? theme.colour("lost") : null, "stroke-dasharray": "3 2"}));
			return el("li", null, box, phases[PHASE[name]]);
		}),
		...Object.keys(SHAPES).map((name) => el("li", null, shapeKey(name, theme), SHAPES[name].text)));
}

function options(select, names, counts) {
	names.forEach((name, at) => {
		if (counts[at])
			select.append(el("option", {value: at}, name + " (" + count(counts[at]) + ")"));
	});
}

/* uPlot lays itself out in a microtask: the waterfall, which stands under it on the same axis, comes after. */
function afterCharts(fn) {
	queueMicrotask(fn);
}

function whenIdle(fn) {
	if (typeof requestIdleCallback === "function")
		requestIdleCallback(fn);
	else
		setTimeout(fn, 200);
}

/* The charts of one listener and of all together; made anew when another listener is chosen. */
class Charts {
	constructor(context, report) {
		this.context = context;
		this.report = report;
		this.list = [];
		context.plotArea = () => this.list[0].u.over.getBoundingClientRect();
		context.splits = () => {
			const u = this.list[0].u;
			const step = (context.view.to - context.view.from) / 100;
			return u.axes[0]._splits ? u.axes[0]._splits.map((at) => ({at, text: offset(at, step), clock: report.clock.near(at, step)})) : [];
		};
	}

	choose(listener) {
		for (const chart of this.list)
			chart.remove();
		this.list = [
			depthChart(this.context, listener || NO_LISTENER),
			listener ? halfOpenChart(this.context, listener) : null,
			this.report.rates.count ? rateChart(this.context, this.report.rates) : null,
			this.report.rates.count ? dropChart(this.context, this.report.rates, this.report.names.causes) : null,
		].filter(Boolean);
	}

	show() {
		for (const chart of this.list)
			chart.show();
	}
}

const NO_LISTENER = {capacity: null, episodes: [], full_episodes_lost: 0, full_ns: 0, gaps: [], sampled: {t: []}, rebuilt: {t: []}, half_open: {t: []}};

function chooseListener(report, charts, after) {
	const select = byId("listener");
	const order = report.listeners.map((l, at) => at).sort((a, b) => report.listeners[b].drops - report.listeners[a].drops ||
		report.listeners[b].attempts - report.listeners[a].attempts);
	for (const at of order)
		select.append(el("option", {value: at}, report.listeners[at].name));
	byId("listener-field").hidden = order.length < 2;
	select.addEventListener("change", () => {
		charts.choose(report.listeners[Number(select.value)]);
		after();
	});
	charts.choose(order.length ? report.listeners[order[0]] : null);
}

/* What is jumped to stands below the bar that stays at the top, however many lines that takes. */
function keepBelowBar() {
	const bar = byId("toolbar");
	const set = () => document.documentElement.style.setProperty("--bar", bar.offsetHeight + "px");
	set();
	new ResizeObserver(set).observe(bar);
}

function start() {
	const report = readReport(take(byId("report")));
	const attempts = new Attempts(Array.from(document.querySelectorAll("script.attempts"), (node) => JSON.parse(take(node))), report);
	const view = new View(report.span);
	const theme = new Theme(byId("theme"));
	const context = {view, theme, wheel: new Wheel(view), parent: byId("charts"), hovered: null, clock: report.clock, kind: report.kind};
	const rows = new Rows(attempts, view);
	const charts = new Charts(context, report);

	document.title = report.path + " · synscope";
	byId("source").textContent = report.kind + " " + report.path + (report.base_ns !== null ? " · " + report.clock.date(0, 0) +
		" · " + duration(report.span) : "") + (report.host && report.host.kernel ? " · Linux " + report.host.kernel : "");
	keepBelowBar();
	showAnswer(attempts, rows);
	showLegend(theme, report.names.phases);
	options(byId("outcome"), report.names.outcomes, report.outcomes);
	options(byId("cause"), report.names.causes, report.causes);
	for (const show of [showLatency, showOutcomes, showListeners, showLedger, showLosses, showHost])
		show(report);

	const look = new Look(context, attempts);
	const waterfall = new Waterfall(context, rows);
	const redraw = () => {
		waterfall.layout();
		byId("shown").textContent = waterfall.describe();
	};
	chooseListener(report, charts, () => afterCharts(redraw));
	context.hover = (time) => {
		context.hovered = time;
		waterfall.moved(time);
	};
	const pointer = new Pointer(context, waterfall, look);
	const list = new List(rows, look);
	let later = 0;
	/* The table follows when the view has come to rest: building it costs more than a frame may. */
	const listLater = () => {
		clearTimeout(later);
		later = setTimeout(() => list.go(0), 120);
	};
	const refresh = () => {
		rows.update();
		redraw();
		listLater();
	};
	const showRange = () => {
		const step = (view.to - view.from) / 1000;
		byId("range").textContent = (view.whole() ? "whole time range, " + duration(view.span) : offset(view.from, step) + " to " + offset(view.to, step) + ", " +
			report.clock.near(view.from, step) + " to " + report.clock.near(view.to, step) + " (" +
			duration(view.to - view.from) + " of " + duration(view.span) + ")");
	};

	view.watch(() => {
		charts.show();
		refresh();
		showRange();
	});
	look.watch(() => {
		waterfall.pointed = look.pointed;
		if (waterfall.pinned !== look.pinned) {
			waterfall.pinned = look.pinned;
			list.draw();
		}
		waterfall.draw();
	});
	theme.watch(() => {
		for (const chart of charts.list)
			chart.build();
		showLegend(theme, report.names.phases);
		afterCharts(redraw);
	});
	/* Paper does not scroll: all lanes are drawn, as many as there are. */
	addEventListener("beforeprint", () => {
		waterfall.mode = "fit";
		redraw();
	});
	addEventListener("afterprint", () => {
		waterfall.mode = byId("mode").value;
		redraw();
	});
	new ResizeObserver(() => {
		for (const chart of charts.list)
			chart.resize();
		afterCharts(redraw);
	}).observe(byId("charts"));

	const filter = (event, key, map) => byId(event).addEventListener("input", () => {
		rows.setFilter({[key]: map(byId(event).value)});
		refresh();
	});
	filter("outcome", "outcome", (value) => (value === "" ? -1 : Number(value)));
	filter("cause", "cause", (value) => (value === "" ? -1 : Number(value)));
	filter("address", "address", (value) => value);
	byId("sort").addEventListener("input", () => {
		rows.sort = byId("sort").value;
		refresh();
	});
	byId("mode").addEventListener("input", () => {
		waterfall.mode = byId("mode").value;
		redraw();
	});
	for (const [id, act] of [["zoom-in", () => view.zoom(0.6)], ["zoom-out", () => view.zoom(1 / 0.6)], ["pan-left", () => view.pan(-0.2)],
		["pan-right", () => view.pan(0.2)], ["zoom-reset", () => view.reset()]])
		byId(id).addEventListener("click", act);

	showRange();
	look.fromHash(false);
	/* Sorting 100,000 attempts takes longer than a frame: done before anybody asks. */
	for (const name of ["wait", "cost"])
		whenIdle(() => rows.ordered(name));
	return {report, attempts, view, rows, waterfall, look, list, charts, pointer};
}

try {
	/* For the tests, and for whoever opens the console. */
	window.synscope = start();
} catch (error) {
	const problem = document.getElementById("problem");
	problem.hidden = false;
	problem.textContent = "Cannot draw this report: " + error.message;
	throw error;
}
