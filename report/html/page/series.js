/* Data of the charts: what the report has, on the time axis, as uPlot takes it. */

/*
 * Step functions on one x axis: at every time at which one of them changes,
 * each has the value that it last took (null before its first). All reach `end`.
 */
function mergeSteps(list, end) {
	const times = new Set([0, end]);
	for (const {t} of list)
		for (const at of t)
			times.add(at);
	const x = Float64Array.from(times).sort();
	const columns = list.map(({t, v}) => {
		let next = 0;
		let value = null;
		return Array.from(x, (at) => {
			while (next < t.length && t[next] <= at)
				value = v[next++];
			return value;
		});
	});
	return [x, ...columns];
}

/* A step does not hold through a gap: nothing is known there, and then what holds since the last step. */
function cutGaps({t, min, max, merged}, gaps) {
	const out = {t: [], min: [], max: [], merged};
	const put = (at, low, high) => {
		out.t.push(at);
		out.min.push(low);
		out.max.push(high);
	};
	let i = 0;
	for (const [start, end] of gaps) {
		while (i < t.length && t[i] <= start) {
			put(t[i], min[i], max[i]);
			i++;
		}
		if (!i)
			continue;
		put(start, null, null);
		while (i < t.length && t[i] < end)
			i++;
		if (i === t.length || t[i] > end)
			put(end, min[i - 1], max[i - 1]);
	}
	for (; i < t.length; i++)
		put(t[i], min[i], max[i]);
	return out;
}

/* Buckets of counts -> rates a second, one place a bucket and a closing one. */
function rateColumns(rates, lists) {
	const x = Float64Array.from({length: rates.count + 1}, (_, i) => i * rates.bucket_ns);
	const scale = 1e9 / rates.bucket_ns;
	return [x, ...lists.map((list) => {
		const out = Array.from(list, (n) => n * scale);
		out.push(out.length ? out[out.length - 1] : 0);
		return out;
	})];
}

/* Each column becomes the sum of itself and those before it. */
function stack(columns) {
	const total = new Float64Array(columns.length ? columns[0].length : 0);
	return columns.map((column) => column.map((value, i) => (total[i] += value)));
}
