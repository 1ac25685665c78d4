// The KV namespace of the benchmark's Worker, by the protocol of workerd's KV binding: GET /<name>. It holds one record and
// counts its reads.

let reads = 0;

export default {
  async fetch(request, env) {
    const name = decodeURIComponent(new URL(request.url).pathname.slice(1));
    if (name === "reads") return new Response(String(reads));
    reads++;
    if (request.method !== "GET" || name !== env.NAME) return new Response("Not Found", { status: 404 });
    return new Response(env.VALUE);
  },
};
