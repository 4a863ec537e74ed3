/*
 * Pointer and keyboard on the waterfall and its charts: hover, pin, drag to
 * zoom, walk from lane to lane. Changes the view and the looked-at attempt;
 * draws nothing itself.
 */

const DRAG_PIXELS = 5;

class Pointer {
	/* look: {point(i, share, x, y), pin(i)} with i = -1 for none. */
	constructor(context, waterfall, look) {
		this.context = context;
		this.waterfall = waterfall;
		this.look = look;
		this.start = null;
		const area = waterfall.scroller;
		area.addEventListener("pointermove", (event) => this.move(event));
		area.addEventListener("pointerleave", () => this.leave());
		area.addEventListener("pointerdown", (event) => this.down(event));
		area.addEventListener("pointerup", (event) => this.up(event));
		area.addEventListener("pointercancel", () => this.stop());
		area.addEventListener("dblclick", () => context.view.reset());
		/* Lanes that scroll keep the wheel for scrolling; with Ctrl or Shift it zooms there too. */
		context.wheel.attach(area, (event) => waterfall.timeAt(this.local(event).x),
			(event) => waterfall.mode === "fit" || event.ctrlKey || event.shiftKey);
		document.addEventListener("keydown", (event) => this.key(event));
	}

	local(event) {
		const rect = this.waterfall.host.getBoundingClientRect();
		return {x: event.clientX - rect.left, y: event.clientY - rect.top};
	}

	move(event) {
		const {x, y} = this.local(event);
		this.context.hover(this.waterfall.timeAt(x));
		if (this.start !== null && Math.abs(x - this.start.x) >= DRAG_PIXELS) {
			this.drag(x);
			return;
		}
		const hit = this.waterfall.at(x, y);
		this.look.point(hit ? hit.i : -1, hit ? hit.share : 0, event.clientX, event.clientY);
	}

	leave() {
		this.context.hover(null);
		this.look.point(-1, 0, 0, 0);
	}

	down(event) {
		if (event.button !== 0)
			return;
		const {x, y} = this.local(event);
		/* The scroll bar is the browser's. */
		if (x > this.waterfall.scroller.clientWidth)
			return;
		this.start = {x, y};
		this.waterfall.scroller.setPointerCapture(event.pointerId);
	}

	drag(x) {
		const left = Math.min(x, this.start.x);
		const {selection} = this.waterfall;
		selection.hidden = false;
		selection.style.left = left + "px";
		selection.style.width = Math.abs(x - this.start.x) + "px";
		this.look.point(-1, 0, 0, 0);
	}

	up(event) {
		if (this.start === null)
			return;
		const {x, y} = this.local(event);
		const from = this.start;
		this.stop();
		if (Math.abs(x - from.x) >= DRAG_PIXELS) {
			const a = this.waterfall.timeAt(Math.min(x, from.x));
			const b = this.waterfall.timeAt(Math.max(x, from.x));
			this.context.view.set(Math.max(a, this.context.view.from), Math.min(b, this.context.view.to));
			return;
		}
		const hit = this.waterfall.at(x, y);
		if (hit)
			this.look.pin(hit.i);
	}

	stop() {
		this.start = null;
		this.waterfall.selection.hidden = true;
	}

	key(event) {
		const {view} = this.context;
		if (event.altKey || event.ctrlKey || event.metaKey)
			return;
		if (event.target.closest("input, select, textarea"))
			return;
		const onButton = event.target.closest("button, a, summary") !== null;
		/* Elsewhere on the page the arrows up and down scroll it. */
		const here = event.target.closest("#timeline") !== null;
		switch (event.key) {
		case "+":
		case "=":
			view.zoom(0.6);
			break;
		case "-":
		case "_":
			view.zoom(1 / 0.6);
			break;
		case "ArrowLeft":
			view.pan(-0.2);
			break;
		case "ArrowRight":
			view.pan(0.2);
			break;
		case "0":
			view.reset();
			break;
		case "k":
		case "ArrowUp":
			if (event.key === "ArrowUp" && !here)
				return;
			this.step(-1);
			break;
		case "j":
		case "ArrowDown":
			if (event.key === "ArrowDown" && !here)
				return;
			this.step(1);
			break;
		case "PageUp":
		case "PageDown":
			if (event.target !== this.waterfall.host)
				return;
			this.step(event.key === "PageUp" ? -20 : 20);
			break;
		case "Home":
		case "End":
			if (event.target !== this.waterfall.host)
				return;
			this.step(event.key === "Home" ? -this.waterfall.rows.length : this.waterfall.rows.length);
			break;
		case "Enter":
		case " ":
			if (onButton || this.waterfall.pointed < 0 || (event.key === " " && !here))
				return;
			this.look.pin(this.waterfall.pointed);
			break;
		case "Escape":
			this.look.point(-1, 0, 0, 0);
			this.look.pin(-1);
			break;
		default:
			return;
		}
		event.preventDefault();
	}

	/* To another lane; its card stands beside the lane. */
	step(by) {
		const {waterfall} = this;
		const {rows} = waterfall;
		if (rows.length === 0)
			return;
		const now = waterfall.pointed >= 0 ? rows.place(waterfall.pointed) : -1;
		const next = now < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(Math.max(now + by, 0), rows.length - 1);
		const i = rows.list[next];
		waterfall.reveal(i);
		waterfall.scrolled();
		const lane = waterfall.laneHeight();
		const place = () => {
			const rect = waterfall.host.getBoundingClientRect();
			this.look.point(i, 1, rect.left + 260, rect.top + next * lane - waterfall.top + lane);
		};
		/* The page's scrolling puts the card away: it comes back in the next frame. */
		if (waterfall.bringIntoSight(next * lane - waterfall.top, lane))
			requestAnimationFrame(place);
		place();
		byId("said").textContent = this.look.say(i, next + 1, rows.length);
	}
}
