/*
 * Columns of integers: what html_columns.c wrote. A column is the base64 text
 * of LEB128 numbers: 0 stands for "not known", any other u for the magnitude
 * (u - 1) >> 1 with the sign in the lowest bit of u - 1. The sign is read from
 * the first byte, so that it stays right where a double rounds.
 */

function bytesOf(base64) {
	const text = atob(base64);
	const bytes = new Uint8Array(text.length);
	for (let i = 0; i < text.length; i++)
		bytes[i] = text.charCodeAt(i);
	return bytes;
}

/* A function that returns the next number of the column, NaN for "not known". */
function columnReader(base64) {
	const bytes = bytesOf(base64 || "");
	let at = 0;

	return function next() {
		let byte = bytes[at++];
		const negative = (byte & 1) === 0;
		let value = byte & 0x7f;
		let shift = 7;
		while (byte & 0x80) {
			byte = bytes[at++];
			/* Past 28 bits the shift operators would overflow: multiply. */
			value = shift < 28 ? value | ((byte & 0x7f) << shift) : value + (byte & 0x7f) * 2 ** shift;
			shift += 7;
		}
		if (byte === undefined)
			throw new Error("a column of the data is shorter than it says");
		if (value === 0)
			return NaN;
		value = Math.floor((value - 1) / 2);
		return negative ? -value : value;
	};
}
