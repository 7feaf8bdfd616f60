import type { CallOptions } from "./types.js";

/** What a route may set: a queue's name alone, or any of the call options that concern sending. */
export type Route = string | RouteOptions;
export type RouteOptions = Pick<
  CallOptions,
  "queue" | "exchange" | "routingKey" | "priority" | "serializer" | "compression" | "expires"
>;

/** Asked for each message; null or undefined leaves it to the next one. */
export type RouteFunction = (
  name: string,
  args: readonly unknown[],
  kwargs: Readonly<Record<string, unknown>>,
  options: Readonly<CallOptions>,
) => Route | null | undefined;

/** Exact names first, then keys with `*` (fnmatch, the whole name) in order; a list of pairs may hold regular expressions. */
export type RouteMap = Readonly<Record<string, Route>> | readonly (readonly [pattern: string | RegExp, route: Route])[];

/** Celery's `task_routes`: one of them, or a list of which the first that answers wins. */
export type RouteTable = RouteFunction | RouteMap | readonly (RouteFunction | Readonly<Record<string, Route>>)[];
