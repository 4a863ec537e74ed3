/* Draws lanes one by one: the phases as bars, the packets and calls as shapes. */

const BAR = {connect: "connect", handshake: "handshake", wait: "wait", bound: "wait", spawn: "spawn", serve: "serve", close: "close",
	zombie: "lost"};

/* Marks nearer than this to the one before are left out, except what was lost. */
const CROWD = 7;

class Lanes {
	constructor(attempts, theme) {
		this.attempts = attempts;
		this.theme = theme;
		this.marks = attempts.report.names.marks;
	}

	/* The marks and calls of attempt i as {t, shape, dropped}, by time. */
	events(i) {
		const a = this.attempts;
		const list = [];
		let syns = 0;
		for (let m = a.markStart[i]; m < a.markStart[i + 1]; m++) {
			const kind = this.marks[a.markCode[m] & 15];
			const dropped = (a.markCode[m] & MARK_DROPPED) !== 0;
			list.push({t: a.markTime[m], shape: shapeOf(kind, kind === "syn" && syns++ > 0), dropped});
		}
		if (!list.length) {
			for (const [name, shape] of [["syn", "syn"], ["synack", "syn-ack"], ["ack", "ack"]])
				if (!Number.isNaN(a.time[name][i]))
					list.push({t: a.time[name][i], shape, dropped: false});
		}
		for (const [name, shape] of [["accept", "accept"], ["fork", "fork"], ["first_byte", "data"], ["reply", "reply"], ["close", "fin"]])
			if (!Number.isNaN(a.time[name][i]))
				list.push({t: a.time[name][i], shape, dropped: false});
		return list.sort((x, y) => x.t - y.t);
	}

	/* box: {left, width, from, to}: where the window of time is on the canvas. */
	draw(ctx, i, box, y, height) {
		const scale = box.width / (box.to - box.from);
		const right = box.left + box.width;
		const middle = y + height / 2;
		const thick = Math.max(1, Math.min(height * 0.56, 9));

		this.attempts.phases(i, (phase, start, end) => {
			const x0 = Math.max(box.left, box.left + (start - box.from) * scale);
			const x1 = Math.min(right, box.left + (end - box.from) * scale);
			if (x1 < box.left || x0 > right)
				return;
			this.bar(ctx, PHASES[phase], x0, Math.max(x1, x0 + 1), middle, thick, height);
		});
		if (height >= 7)
			this.drawMarks(ctx, i, box, middle, Math.min(height * 0.3, 4.5), scale);
		else
			this.drawDrops(ctx, i, box, y, height, scale);
	}

	bar(ctx, name, x0, x1, middle, thick, height) {
		ctx.fillStyle = this.theme.colour(BAR[name]);
		if (name === "close") {
			const line = Math.max(1, thick / 4);
			ctx.fillRect(x0, middle - line / 2, x1 - x0, line);
			return;
		}
		if (name === "bound" || name === "zombie") {
			ctx.globalAlpha = 0.45;
			ctx.fillRect(x0, middle - thick / 2, x1 - x0, thick);
			ctx.globalAlpha = 1;
			if (height >= 6) {
				ctx.strokeStyle = ctx.fillStyle;
				ctx.lineWidth = 1;
				ctx.setLineDash([3, 3]);
				ctx.strokeRect(x0 + 0.5, middle - thick / 2, Math.max(x1 - x0 - 1, 0), thick);
				ctx.setLineDash([]);
			}
			return;
		}
		/* Waiting for an answer is drawn thinner than being served: the eye reads the thick parts first. */
		const part = name === "connect" ? 0.5 : 1;
		ctx.fillRect(x0, middle - (thick * part) / 2, x1 - x0, thick * part);
	}

	drawMarks(ctx, i, box, middle, r, scale) {
		let lastX = -1e9;
		const late = [];
		for (const event of this.events(i)) {
			const x = box.left + (event.t - box.from) * scale;
			if (x < box.left - 1 || x > box.left + box.width + 1)
				continue;
			if (event.dropped || SHAPES[event.shape].colour) {
				late.push([event.dropped ? "drop" : event.shape, x]);
				continue;
			}
			if (x - lastX < CROWD)
				continue;
			lastX = x;
			drawShape(ctx, event.shape, this.theme, x, middle, r);
		}
		for (const [shape, x] of late)
			drawShape(ctx, shape, this.theme, x, middle, r);
	}

	drawDrops(ctx, i, box, y, height, scale) {
		const a = this.attempts;
		ctx.fillStyle = this.theme.colour("lost");
		for (let m = a.markStart[i]; m < a.markStart[i + 1]; m++) {
			if (!(a.markCode[m] & MARK_DROPPED))
				continue;
			const x = box.left + (a.markTime[m] - box.from) * scale;
			if (x >= box.left && x <= box.left + box.width)
				ctx.fillRect(x - 1, y, 3, Math.max(height, 2));
		}
	}
}

function shapeOf(kind, again) {
	switch (kind) {
	case "syn":
		return again ? "syn-again" : "syn";
	case "data":
	case "server-data":
		return "data";
	case "rst-client":
	case "rst-server":
		return "rst";
	case "fin-client":
	case "fin-server":
		return "fin";
	case "syn-ack":
	case "ack":
	case "icmp":
		return kind;
	}
	return "data";
}
