/* Numbers and times in words for people. Times are nanoseconds after the start of observation. */

const UNKNOWN = "–";

function known(value) {
	return value !== null && value !== undefined && !Number.isNaN(value);
}

function count(n) {
	return known(n) ? n.toLocaleString("en-US") : UNKNOWN;
}

function plural(n, one, many) {
	return count(n) + " " + (n === 1 ? one : many || one + "s");
}

/* "812 ns", "3.62 µs", "1.24 ms", "1.02 s", "2 min 5 s": three digits are enough to compare by. */
function duration(ns) {
	if (!known(ns))
		return UNKNOWN;
	const size = Math.abs(ns);
	const sign = ns < 0 ? "−" : "";
	if (size < 1e3)
		return sign + Math.round(size) + " ns";
	for (const [unit, name] of [[1e3, "µs"], [1e6, "ms"], [1e9, "s"]]) {
		const text = three(size / unit);
		if (Number(text) < 1000 && !(name === "s" && size >= 120e9))
			return sign + text + " " + name;
	}
	const seconds = Math.round(size / 1e9);
	if (seconds < 7200)
		return sign + Math.floor(seconds / 60) + " min " + (seconds % 60) + " s";
	return sign + Math.floor(seconds / 3600) + " h " + Math.floor((seconds % 3600) / 60) + " min";
}

function three(value) {
	return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/* "1.234567 s" with as many digits as tell two pixels apart, when a pixel is worth step ns. */
function offset(ns, step) {
	if (!known(ns))
		return UNKNOWN;
	const digits = Math.max(0, Math.min(9, Math.ceil(9 - Math.log10(Math.max(step || 1, 1)))));
	return (ns / 1e9).toFixed(digits).replace("-", "−") + " s";
}

/* All nine digits: "1.024003117 s". */
function exact(ns) {
	return known(ns) ? (ns / 1e9).toFixed(9).replace("-", "−") + " s" : UNKNOWN;
}

/* base_ns (a BigInt) + ns -> "2026-01-31 12:00:04.123456789 UTC". */
function wall(base_ns, ns) {
	if (base_ns === null || !known(ns))
		return UNKNOWN;
	const at = base_ns + BigInt(Math.round(ns));
	let ms = at / 1000000n;
	let rest = at % 1000000n;
	if (rest < 0n) {
		rest += 1000000n;
		ms -= 1n;
	}
	const date = new Date(Number(ms));
	if (Number.isNaN(date.getTime()))
		return String(at) + " ns";
	return date.toISOString().replace("T", " ").replace("Z", "") + String(rest).padStart(6, "0") + " UTC";
}

function percent(part, whole) {
	if (!whole)
		return UNKNOWN;
	const value = (100 * part) / whole;
	return (value > 0 && value < 0.1 ? "< 0.1" : value < 10 && value % 1 ? value.toFixed(1) : Math.round(value)) + " %";
}
