/*
 * The charts above the waterfall: queue depth, half-open connections, rates and
 * drops, by uPlot, all on the view's window of time. The title and the values
 * under the pointer stand at the side of each.
 */

const AXIS_WIDTH = 52;
const SYNC = "time";

/* The seconds since the start, and below them the time of day. */
function ticks(view, clock) {
	return (u, values) => values.map((ns) => offset(ns, (view.to - view.from) / 100) + "\n" + clock.near(ns, (view.to - view.from) / 100));
}

function compact(u, values) {
	return values.map((n) => (n >= 10000 ? n / 1000 + " k" : Number.isInteger(n) ? count(n) : n.toFixed(1)));
}

function swatch(colour, dash, block) {
	const box = svg("svg", {width: 16, height: 10, "aria-hidden": "true"});
	if (block)
		box.append(svg("rect", {x: 0, y: 0, width: 16, height: 10, fill: colour}));
	else
		box.append(svg("line", {x1: 0, x2: 16, y1: 5, y2: 5, stroke: colour, "stroke-width": 2.5,
			"stroke-dasharray": dash ? dash.join(" ") : null}));
	return box;
}

class Chart {
	/* series: [{label, colour, dash, block, path, value, fill, draw}], columns as uPlot wants them. */
	constructor(context, title, height, series, columns, options) {
		this.context = context;
		this.title = title;
		this.height = height;
		this.series = series;
		this.columns = columns;
		this.options = options || {};
		this.plot = el("div", {class: "plot"});
		this.keys = el("ul", {class: "keys"});
		this.node = el("div", {class: "chart", role: "group", "aria-label": title},
			el("div", {class: "side"}, el("h3", null, title), this.keys,
				this.options.note ? el("p", {class: "none"}, this.options.note) : null),
			this.plot);
		context.parent.append(this.node);
		this.build();
	}

	build() {
		const {view, theme, wheel, clock} = this.context;
		const colour = (name) => theme.colour(name);
		const axis = {stroke: colour("muted"), grid: {stroke: colour("grid"), width: 1}, ticks: {stroke: colour("line"), width: 1, size: 4},
			font: "11px system-ui, sans-serif"};
		const top = this.options.top;

		if (this.u)
			this.u.destroy();
		this.legend();
		this.u = new uPlot({
			width: Math.max(this.plot.clientWidth, 200),
			height: this.height,
			legend: {show: false},
			padding: [6, 14, 0, 0],
			cursor: {
				sync: {key: SYNC, setSeries: false},
				drag: {x: true, y: false, setScale: false, dist: 5},
				/* A step's value has no one place to put a point on. */
				points: {show: false},
				y: false,
				bind: {dblclick: () => () => { view.reset(); return null; }},
			},
			scales: {
				x: {time: false, range: () => [view.from, view.to]},
				y: {range: (u, min, max) => [0, Math.max(top || 0, max || 0, 1) * 1.12]},
			},
			axes: [
				/* The times stand under the first and the last chart: the grid carries them across the others. */
				{...axis, space: 100, ...(this.options.times ? {values: ticks(view, clock), size: 40} : {values: (u, at) => at.map(() => ""), size: 6})},
				{...axis, values: compact, size: AXIS_WIDTH, space: 26},
			],
			series: [{}, ...this.series.map((one) => ({
				label: one.label,
				stroke: colour(one.colour),
				width: one.width === undefined ? 1.6 : one.width,
				dash: one.dash,
				fill: one.fill ? colour(one.colour) : undefined,
				paths: one.path,
				points: {show: false},
			}))],
			bands: this.options.bands ? this.options.bands.map(([high, low, name]) => ({series: [high, low], fill: faint(colour(name))})) : [],
			hooks: {
				drawClear: this.options.behind ? [(u) => this.options.behind(u, theme)] : [],
				draw: this.options.before ? [(u) => this.options.before(u, theme)] : [],
				setSelect: [(u) => this.selected(u)],
				setCursor: [(u) => this.hovered(u)],
			},
		}, this.columns, this.plot);
		wheel.attach(this.u.over, (event) => this.u.posToVal(event.clientX - this.u.over.getBoundingClientRect().left, "x"));
	}

	legend() {
		this.keys.replaceChildren();
		this.values = this.series.map((one) => {
			const value = el("b");
			if (one.label)
				this.keys.append(el("li", null, swatch(this.context.theme.colour(one.colour), one.dash, one.block),
					el("span", null, one.label), value));
			return value;
		});
		if (this.options.keys)
			this.options.keys(this.keys, this.context.theme);
	}

	selected(u) {
		if (u.select.width < 5)
			return;
		const from = u.posToVal(u.select.left, "x");
		const to = u.posToVal(u.select.left + u.select.width, "x");
		u.setSelect({left: 0, top: 0, width: 0, height: 0}, false);
		this.context.view.set(from, to);
	}

	hovered(u) {
		const at = u.cursor.idx;
		this.series.forEach((one, n) => {
			const raw = at === null || at === undefined ? null : this.value(one, n, at);
			this.values[n].textContent = raw === null ? "" : count(Math.round(raw * 10) / 10);
		});
		if (u.cursor.left >= 0 && u.cursor.event)
			this.context.hover(u.posToVal(u.cursor.left, "x"));
		else if (u.cursor.event)
			this.context.hover(null);
	}

	/* A step's value holds from its time on: the nearest point to the right has not happened yet. */
	value(one, n, at) {
		const x = this.u.posToVal(this.u.cursor.left, "x");
		while (at > 0 && this.columns[0][at] > x)
			at--;
		return one.raw ? one.raw[at] : this.columns[n + 1][at];
	}

	show() {
		this.u.setScale("x", {min: this.context.view.from, max: this.context.view.to});
	}

	resize() {
		this.u.setSize({width: Math.max(this.plot.clientWidth, 200), height: this.height});
	}

	remove() {
		this.u.destroy();
		this.node.remove();
	}
}

/* rgb(r, g, b) at a fifth of its strength. */
function faint(colour) {
	return colour.replace("rgb(", "rgba(").replace(")", ", 0.2)");
}

const stepped = () => uPlot.paths.stepped({align: 1});

function depthChart(context, listener) {
	const list = [];
	const series = [];
	const capacity = listener.capacity;

	const bands = [];
	const add = (name, points, style) => {
		if (!points.t.length)
			return;
		list.push({t: points.t, v: points.max});
		series.push({label: name, colour: name, path: stepped(), ...style});
		/* Points that were folded into their neighbours have a range: from their minimum to their maximum. */
		if (points.max.some((max, i) => max !== points.min[i])) {
			list.push({t: points.t, v: points.min});
			series.push({colour: name, path: stepped(), width: 0.5});
			bands.push([series.length - 1, series.length, name]);
		}
	};
	add("rebuilt", listener.rebuilt, {width: 1.4});
	add("sampled", listener.sampled, {width: 2.4, dash: [5, 3]});
	const options = {times: true, bands, top: capacity, 
		behind: (u, theme) => { shadeTimes(u, theme, listener.gaps, "gap"); shadeTimes(u, theme, listener.episodes, "full"); },
		 before: (u, theme) => drawLimit(u, theme, capacity)};
	if (!list.length)
		options.note = "Not observed: " + (context.kind === "pcap" ? "a capture alone does not show the queue depth." : "no listener was found.");
	options.keys = (keys, theme) => {
		if (capacity !== null)
			keys.append(el("li", null, swatch(theme.colour("limit"), [2, 2]), el("span", null, "capacity"),
				el("b", null, count(capacity))));
		if (listener.gaps.length)
			keys.append(el("li", null, swatch(theme.colour("gap"), null, true), el("span", null, "not sampled"),
				el("b", null, duration(listener.gaps.reduce((sum, [start, end]) => sum + end - start, 0)))));
		if (listener.episodes.length)
			keys.append(el("li", null, swatch(theme.colour("full"), null, true),
				el("span", null, "full " + plural(listener.episodes.length + listener.full_episodes_lost, "time") +
					(listener.full_episodes_lost ? " (the first " + count(listener.episodes.length) + " shaded)" : "")),
				el("b", null, duration(listener.full_ns))));
	};
	return new Chart(context, "Accept queue", 170, series, mergeSteps(list, context.view.span), options);
}

function shadeTimes(u, theme, times, colour) {
	const ctx = u.ctx;
	const {left, top, width, height} = u.bbox;
	ctx.save();
	ctx.beginPath();
	ctx.rect(left, top, width, height);
	ctx.clip();
	ctx.fillStyle = theme.colour(colour);
	/* No pixel twice: short ones side by side are as faint as a long one. */
	let done = left;
	for (const [start, end] of times) {
		const from = Math.max(u.valToPos(start, "x", true), done);
		const to = Math.max(u.valToPos(end, "x", true), from + 1);
		if (to <= done || from > left + width)
			continue;
		ctx.fillRect(from, top, to - from, height);
		done = to;
	}
	ctx.restore();
}

function drawLimit(u, theme, capacity) {
	if (capacity === null)
		return;
	const y = Math.round(u.valToPos(capacity, "y", true));
	const ctx = u.ctx;
	ctx.save();
	ctx.strokeStyle = theme.colour("limit");
	ctx.lineWidth = uPlot.pxRatio;
	ctx.setLineDash([3 * uPlot.pxRatio, 3 * uPlot.pxRatio]);
	ctx.beginPath();
	ctx.moveTo(u.bbox.left, y + 0.5);
	ctx.lineTo(u.bbox.left + u.bbox.width, y + 0.5);
	ctx.stroke();
	ctx.restore();
}

function halfOpenChart(context, listener) {
	if (!listener.half_open.max.some((n) => n > 0))
		return null;
	return new Chart(context, "Half-open", 66, [{label: "SYN queue", colour: "spawn", path: stepped()}],
		mergeSteps([{t: listener.half_open.t, v: listener.half_open.max}], context.view.span));
}

function rateChart(context, rates) {
	return new Chart(context, "Per second", 112, [
		{label: "SYNs", colour: "connect", path: stepped()},
		{label: "handshakes", colour: "handshake", path: stepped(), dash: [6, 3]},
		{label: "accepts", colour: "serve", path: stepped(), width: 2},
	], rateColumns(rates, [rates.syns, rates.handshakes, rates.accepts]));
}

const DROP_COLOURS = ["lost", "wait", "handshake", "spawn", "connect", "close", "serve"];

/* Stacked, the largest sum drawn first, so that each cause keeps its own band. */
function dropChart(context, rates, names) {
	const causes = Object.keys(rates.drops).map(Number);
	if (!causes.length)
		return null;
	const [x, ...columns] = rateColumns(rates, causes.map((c) => rates.drops[c]));
	const stacked = stack(columns);
	const series = causes.map((c, n) => ({label: names[c], colour: DROP_COLOURS[n % DROP_COLOURS.length], path: stepped(), fill: true,
		block: true, width: 1, raw: columns[n]}));
	return new Chart(context, "Drops per second", 110, series.reverse(), [x, ...stacked.reverse()], {times: true});
}
