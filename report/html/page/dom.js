/* Elements. Text becomes text nodes and nothing else: the page has no other way to show a string. */

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
	for (const [name, value] of Object.entries(attributes || {})) {
		if (value === null || value === undefined || value === false)
			continue;
		node.setAttribute(name, value === true ? "" : String(value));
	}
	for (const child of children) {
		if (child === null || child === undefined)
			continue;
		node.append(typeof child === "object" ? child : String(child));
	}
	return node;
}

function el(tag, attributes, ...children) {
	return fill(document.createElement(tag), attributes, children);
}

function svg(tag, attributes, ...children) {
	return fill(document.createElementNS(SVG, tag), attributes, children);
}

function byId(id) {
	return document.getElementById(id);
}

/*
 * A real table. Columns: {title, number, address}; rows: arrays of cells, each a string, a node, or
 * {text, class, data} where data is the exact value behind a rounded text.
 */
function table(caption, columns, rows, attributes) {
	const cls = (column) => (column.number ? "number" : column.address ? "address" : null);
	const body = el("tbody");

	for (const row of rows) {
		const tr = el("tr", row.attributes);
		(row.cells || row).forEach((cell, at) => {
			const box = cell !== null && typeof cell === "object" && !(cell instanceof Node);
			const classes = [cls(columns[at]), box ? cell.class : null].filter(Boolean).join(" ");
			tr.append(el(at === 0 ? "th" : "td", {
				scope: at === 0 ? "row" : null,
				class: classes || null,
				"data-value": box ? cell.data : null,
			}, box ? cell.text : cell));
		});
		body.append(tr);
	}
	return el("table", attributes,
		caption ? el("caption", null, caption) : null,
		el("thead", null, el("tr", null, ...columns.map((column) =>
			el("th", {scope: "col", class: cls(column)}, column.title)))),
		body);
}
