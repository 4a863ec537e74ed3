/* The shapes of the marks: each kind of packet or call has its own, so that colour is never alone. */

const SHAPES = {
	"syn": {text: "SYN", draw: triangle(1, true)},
	"syn-again": {text: "SYN retransmitted", draw: triangle(1, false)},
	"syn-ack": {text: "SYN-ACK", draw: triangle(-1, true)},
	"ack": {text: "ACK", draw: disc(true)},
	"drop": {text: "dropped", colour: "lost", draw: cross},
	"accept": {text: "accept()", draw: diamond},
	"fork": {text: "fork()", draw: square},
	"data": {text: "first byte", draw: tick(-1)},
	"reply": {text: "reply", draw: tick(1)},
	"rst": {text: "RST", colour: "lost", draw: bar},
	"fin": {text: "FIN, close()", draw: disc(false)},
	"icmp": {text: "ICMP error", colour: "lost", draw: square},
};

function triangle(direction, filled) {
	return (ctx, x, y, r, paper) => {
		ctx.beginPath();
		ctx.moveTo(x - direction * r * 0.7, y - r);
		ctx.lineTo(x + direction * r, y);
		ctx.lineTo(x - direction * r * 0.7, y + r);
		ctx.closePath();
		finish(ctx, filled ? null : paper);
	};
}

function disc(filled) {
	return (ctx, x, y, r, paper) => {
		ctx.beginPath();
		ctx.arc(x, y, r * 0.8, 0, 2 * Math.PI);
		finish(ctx, filled ? null : paper);
	};
}

function diamond(ctx, x, y, r) {
	ctx.beginPath();
	ctx.moveTo(x, y - r * 1.1);
	ctx.lineTo(x + r * 1.1, y);
	ctx.lineTo(x, y + r * 1.1);
	ctx.lineTo(x - r * 1.1, y);
	ctx.closePath();
	ctx.fill();
}

function square(ctx, x, y, r) {
	ctx.beginPath();
	ctx.rect(x - r * 0.8, y - r * 0.8, r * 1.6, r * 1.6);
	ctx.fill();
}

function bar(ctx, x, y, r) {
	ctx.beginPath();
	ctx.rect(x - 1.5, y - r * 1.2, 3, r * 2.4);
	ctx.fill();
}

function tick(direction) {
	return (ctx, x, y, r) => {
		ctx.beginPath();
		ctx.moveTo(x - r * 0.8, y + direction * r);
		ctx.lineTo(x + r * 0.8, y + direction * r);
		ctx.lineTo(x, y - direction * r * 0.4);
		ctx.closePath();
		ctx.fill();
	};
}

function cross(ctx, x, y, r) {
	const width = ctx.lineWidth;
	const edge = r * 1.05;
	ctx.lineWidth = Math.max(2, r * 0.55);
	ctx.beginPath();
	ctx.moveTo(x - edge, y - edge);
	ctx.lineTo(x + edge, y + edge);
	ctx.moveTo(x - edge, y + edge);
	ctx.lineTo(x + edge, y - edge);
	ctx.stroke();
	ctx.lineWidth = width;
}

/* Filled, or an outline whose inside is the paper's colour. */
function finish(ctx, paper) {
	if (paper === null) {
		ctx.fill();
		return;
	}
	const ink = ctx.fillStyle;
	ctx.fillStyle = paper;
	ctx.fill();
	ctx.fillStyle = ink;
	ctx.stroke();
}

/* A key for the legend, drawn on a canvas of its own. */
function shapeKey(name, theme) {
	const size = 14;
	const ratio = devicePixelRatio || 1;
	const canvas = el("canvas", {width: size * ratio, height: size * ratio, "aria-hidden": "true"});
	canvas.style.width = canvas.style.height = size + "px";
	const ctx = canvas.getContext("2d");
	ctx.scale(ratio, ratio);
	drawShape(ctx, name, theme, size / 2, size / 2, 4.2);
	return canvas;
}

function drawShape(ctx, name, theme, x, y, r) {
	ctx.fillStyle = ctx.strokeStyle = theme.colour(SHAPES[name].colour || "ink");
	ctx.lineWidth = 1.3;
	SHAPES[name].draw(ctx, x, y, r, theme.colour("paper"));
}
