// Provides a shop's tracking plan that contains the difficult cases for code generation and files.

import { TrackingPlan } from "@behaviour/contract";

export const ORDER_COMPLETED = {
  type: "track",
  event: "Order Completed",
  description: "The payment went through. */ Not shipped yet.\nOnce per order.",
  schema: {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    type: "object",
    required: ["order_id", "total", "currency", "products"],
    properties: {
      order_id: { type: "string", pattern: "^[A-Z]{2}-[0-9]{4,12}$", description: 'As the shop\'s "own" number' },
      total: { type: "number", minimum: 0, maximum: 100_000 },
      currency: { enum: ["EUR", "USD", "GBP"] },
      coupon: { type: ["string", "null"], maxLength: 20 },
      products: { type: "array", minItems: 1, maxItems: 100, items: { $ref: "#/$defs/product" } },
      "in-store": { type: "boolean" },
      class: { type: "integer" },
      paid_with: { anyOf: [{ const: "card" }, { type: "object", properties: { wallet: { type: "string" } } }] },
    },
    $defs: {
      product: {
        type: "object",
        required: ["sku"],
        properties: {
          sku: { type: "string", minLength: 1 },
          price: { type: "number" },
          tags: { type: "array", items: { type: "string" } },
        },
      },
    },
  },
} as const;

const ORDER_COMPLETED_2 = {
  ...ORDER_COMPLETED,
  version: 2,
  schema: {
    type: "object",
    required: ["id"],
    properties: { id: { type: "string", format: "uuid" } },
    additionalProperties: false,
  },
} as const;

export const PLAN = TrackingPlan.parse({
  mode: "quarantine",
  unknownEvents: "warn",
  events: [
    ORDER_COMPLETED,
    ORDER_COMPLETED_2,
    {
      event: "Search",
      schema: { type: "object", properties: { query: { type: "string" }, class: { enum: ["a b", "1", "null"] } } },
    },
    {
      event: "Größe gewählt \\u002a",
      schema: { type: "object", additionalProperties: true, properties: { größe: { enum: [36, 37.5, "XL"] } } },
    },
    { event: "Analytics", schema: { type: "object", properties: {} } },
    {
      type: "page",
      event: "Checkout",
      schema: { type: "object", required: ["step"], properties: { step: { type: "integer" } } },
    },
    { type: "page", schema: { type: "object", properties: { section: { type: "string" } } } },
    { type: "screen", event: "Home", schema: { type: "object", properties: { tab: { type: "string" } } } },
    {
      type: "identify",
      schema: {
        type: "object",
        required: ["plan"],
        properties: {
          plan: { enum: ["free", "pro"] },
          seats: { type: "integer", maximum: 50 },
          city: { type: "string", maxLength: 5 },
        },
      },
    },
    { type: "group", schema: { type: "object", properties: { name: { type: "string" } } } },
  ],
});
