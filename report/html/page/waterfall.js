/*
 * The waterfall: lanes on a canvas of its own, on the charts' window of time.
 * Only the lanes that are in sight are drawn; where attempts outnumber the rows
 * of pixels it draws their density, and says so.
 */

const LANE_HEIGHT = 18;
const LABEL_HEIGHT = 10;
const TALLEST = 774;
const AXIS_HEIGHT = 36;
/* Browsers end an element's height somewhere above this: beyond it, one pixel of scrolling is more than one. */
const SCROLL_LIMIT = 8e6;

class Waterfall {
	constructor(context, rows) {
		this.context = context;
		this.rows = rows;
		this.attempts = rows.attempts;
		this.lanes = new Lanes(rows.attempts, context.theme);
		this.density = new Density(rows.attempts, context.theme);
		this.mode = "fit";
		this.pointed = -1;
		this.pinned = -1;
		this.top = 0;
		this.host = byId("lanes");
		this.canvas = byId("lanes-canvas");
		this.scroller = byId("lanes-scroll");
		this.size = byId("lanes-size");
		this.cursor = byId("lanes-cursor");
		this.selection = byId("lanes-select");
		this.scroller.addEventListener("scroll", () => this.scrolled(), {passive: true});
	}

	/* Where the plots are: left and width of the charts' plotting area, on this canvas. */
	box() {
		const host = this.host.getBoundingClientRect();
		const over = this.context.plotArea();
		return {left: over.left - host.left, width: over.width, from: this.context.view.from, to: this.context.view.to};
	}

	/* Height of a lane; less than 1 says that lanes share rows of pixels. */
	laneHeight() {
		if (this.mode === "lanes" || this.rows.length === 0)
			return LANE_HEIGHT;
		return Math.min(LANE_HEIGHT, (TALLEST - AXIS_HEIGHT) / this.rows.length);
	}

	/* New rows or a new window: the height may change, then all is drawn. */
	layout() {
		const wanted = Math.max(this.rows.length, 3) * this.laneHeight();
		this.space = Math.round(Math.min(wanted, TALLEST - AXIS_HEIGHT));
		this.host.style.height = this.space + AXIS_HEIGHT + "px";
		const whole = this.rows.length * this.laneHeight();
		this.ratio = Math.max(1, whole / SCROLL_LIMIT);
		this.size.style.height = (this.mode === "lanes" ? Math.round(whole / this.ratio) + AXIS_HEIGHT : 0) + "px";
		this.scrolled();
	}

	scrolled() {
		this.stale = true;
		const whole = this.rows.length * this.laneHeight();
		this.top = this.mode === "lanes" ? Math.min(this.scroller.scrollTop * this.ratio, Math.max(0, whole - this.space)) : 0;
		this.draw();
	}

	draw() {
		const {theme} = this.context;
		const ratio = devicePixelRatio || 1;
		const width = this.host.clientWidth;
		const height = this.space + AXIS_HEIGHT;
		const box = this.box();
		const lane = this.laneHeight();
		const ctx = this.canvas.getContext("2d");

		if (this.canvas.width !== Math.round(width * ratio) || this.canvas.height !== Math.round(height * ratio)) {
			this.canvas.width = Math.round(width * ratio);
			this.canvas.height = Math.round(height * ratio);
			this.canvas.style.width = width + "px";
			this.canvas.style.height = height + "px";
		}
		ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
		ctx.clearRect(0, 0, width, height);
		/* Hovering alone leaves the picture of the density as it is. */
		if (lane < 1 && this.stale)
			this.density.render(this.rows, box, this.space);
		this.stale = false;
		if (lane < 1)
			this.density.draw(ctx, box, 0, this.space);
		this.grid(ctx, box, height, theme);
		if (lane >= 1)
			this.drawLanes(ctx, box, lane, theme);
		else
			this.drawPinned(ctx, box, theme, width);
		if (this.rows.length === 0) {
			ctx.fillStyle = theme.colour("muted");
			ctx.font = "13px system-ui, sans-serif";
			ctx.textAlign = "left";
			ctx.fillText("No attempt matches the filter in this time range.", box.left + 12, 30);
		}
		this.moved(this.context.hovered);
	}

	grid(ctx, box, height, theme) {
		const splits = this.context.splits();
		ctx.strokeStyle = theme.colour("grid");
		ctx.fillStyle = theme.colour("muted");
		ctx.font = "11px system-ui, sans-serif";
		ctx.textAlign = "center";
		ctx.lineWidth = 1;
		for (const {at, text, clock} of splits) {
			const x = Math.round(box.left + ((at - box.from) / (box.to - box.from)) * box.width) + 0.5;
			if (x < box.left || x > box.left + box.width)
				continue;
			ctx.globalAlpha = this.laneHeight() < 1 ? 0.5 : 1;
			ctx.beginPath();
			ctx.moveTo(x, 0);
			ctx.lineTo(x, this.space);
			ctx.stroke();
			ctx.globalAlpha = 1;
			ctx.fillText(text, x, height - 21);
			ctx.fillText(clock, x, height - 7);
		}
	}

	drawLanes(ctx, box, lane, theme) {
		const first = Math.floor(this.top / lane);
		const end = Math.min(this.rows.length, Math.ceil((this.top + this.space) / lane));
		ctx.save();
		ctx.beginPath();
		ctx.rect(0, 0, box.left + box.width + 14, this.space);
		ctx.clip();
		for (let at = first; at < end; at++) {
			const i = this.rows.list[at];
			const y = at * lane - this.top;
			if (i === this.pointed || i === this.pinned) {
				ctx.fillStyle = theme.colour(i === this.pinned ? "select" : "row");
				ctx.fillRect(0, y, box.left + box.width, Math.max(lane, 2));
			}
			this.lanes.draw(ctx, i, box, y, lane);
			if (lane >= LABEL_HEIGHT)
				this.label(ctx, i, box, y, lane, theme);
		}
		ctx.restore();
	}

	/* Left of the lane, or where there is no room, on its right end. */
	label(ctx, i, box, y, lane, theme) {
		const beside = box.left > 120;
		const right = beside ? box.left - 8 : box.left + box.width - 4;
		const text = this.attempts.clientText(i);
		const drops = this.attempts.drops(i);
		ctx.font = Math.min(12, lane - 1) + "px system-ui, sans-serif";
		ctx.textAlign = "right";
		if (!beside) {
			const width = ctx.measureText(text).width;
			ctx.fillStyle = theme.colour("paper");
			ctx.globalAlpha = 0.75;
			ctx.fillRect(right - width - 2, y, width + 4, lane);
			ctx.globalAlpha = 1;
		}
		ctx.fillStyle = theme.colour(this.rows.failed[this.attempts.outcome[i]] || drops ? "bad" : "muted");
		ctx.fillText(text, right, y + lane / 2 + Math.min(12, lane - 1) * 0.36);
	}

	/* In the density a pinned attempt is a line of its own, across its time. */
	drawPinned(ctx, box, theme, width) {
		for (const i of [this.pinned, this.pointed]) {
			const at = i < 0 ? -1 : this.rows.place(i);
			if (at < 0)
				continue;
			const y = Math.floor((at / this.rows.length) * this.space);
			ctx.fillStyle = theme.colour("ink");
			ctx.fillRect(box.left - 8, y - 1, 6, 3);
			ctx.fillRect(box.left, y, width - box.left - 14, 1);
		}
	}

	/* The attempt at a point of the canvas, and how many share its row of pixels: {i, share}, or null. */
	at(x, y) {
		if (y < 0 || y >= this.space || this.rows.length === 0)
			return null;
		const lane = this.laneHeight();
		if (lane >= 1) {
			const at = Math.floor((y + this.top) / lane);
			return at < this.rows.length ? {i: this.rows.list[at], share: 1} : null;
		}
		const first = Math.floor((y * this.rows.length) / this.space);
		const end = Math.max(first + 1, Math.floor(((y + 1) * this.rows.length) / this.space));
		const time = this.timeAt(x);
		let best = this.rows.list[first];
		/* Of those that share the row, one that was open at this time. */
		for (let at = first; at < end && at < this.rows.length; at++) {
			const i = this.rows.list[at];
			if (this.attempts.anchor[i] <= time && this.attempts.last[i] >= time) {
				best = i;
				break;
			}
		}
		return {i: best, share: end - first};
	}

	timeAt(x) {
		const box = this.box();
		return box.from + ((x - box.left) / box.width) * (box.to - box.from);
	}

	/* Scrolls so that attempt i is in sight. */
	reveal(i) {
		const at = this.rows.place(i);
		if (at < 0 || this.mode !== "lanes")
			return;
		const y = at * LANE_HEIGHT;
		if (y < this.top || y + LANE_HEIGHT > this.top + this.space)
			this.scroller.scrollTop = Math.max(0, y - this.space / 2) / this.ratio;
	}

	/* Scrolls the page so that the lane at y of the canvas is in sight, below the bar that stays at the top. True if it did. */
	bringIntoSight(y, height) {
		const rect = this.host.getBoundingClientRect();
		const bar = byId("toolbar").getBoundingClientRect().bottom;
		const top = rect.top + y;
		if (top >= bar && top + height <= innerHeight)
			return false;
		scrollBy({top: top - bar - (innerHeight - bar) / 3, behavior: "instant"});
		return true;
	}

	/* The vertical line under the pointer, wherever the pointer is. */
	moved(time) {
		const box = this.box();
		const x = time === null ? -1 : box.left + ((time - box.from) / (box.to - box.from)) * box.width;
		this.cursor.hidden = !(x >= box.left && x <= box.left + box.width);
		this.cursor.style.left = x + "px";
		this.cursor.style.height = this.space + "px";
	}

	/* What is drawn, in words. */
	describe() {
		const {rows} = this;
		const all = rows.attempts.count;
		const lane = this.laneHeight();
		let text = rows.length === all ? plural(all, "attempt") : count(rows.length) + " of " + plural(all, "attempt");
		if (rows.length !== all)
			text += rows.filtered() && !this.context.view.whole() ? " (filter and time range)" : rows.filtered() ? " (filter)" : " (time range)";
		if (lane < 1)
			text += ". Too many to draw one by one: each row shows the density of about " + count(Math.round(rows.length / this.space)) +
				" attempts; dropped packets are always shown. Zoom in, filter, or select “one lane each” to see single attempts.";
		else if (lane < 7)
			text += ". The lanes are thin: only phases and dropped packets are drawn. Zoom in, filter, or select “one lane each” to see every packet.";
		return text;
	}
}
