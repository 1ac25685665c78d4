// The ceiling of the benchmark: reads the body, parses it, gives the collector's answer, and does nothing else. No collector on
// this runtime can be faster.

export default {
  async fetch(request) {
    const body = JSON.parse(await request.text());
    const accepted = Array.isArray(body.batch) ? body.batch.length : 1;
    return new Response(
      JSON.stringify({ success: true, accepted, duplicates: 0, suppressed: 0, rejected: [], warnings: [] }),
      { headers: { "Content-Type": "application/json; charset=utf-8" } },
    );
  },
};
