// The KV namespace of the benchmark's Worker, by the protocol of workerd's KV binding: GET /<name>. It holds one record.

export default {
  async fetch(request, env) {
    const name = decodeURIComponent(new URL(request.url).pathname.slice(1));
    if (request.method !== "GET" || name !== env.NAME) return new Response("Not Found", { status: 404 });
    return new Response(env.VALUE);
  },
};
