import { NotSupported } from "../../errors.js";
import type { Message } from "../../protocol/message.js";
import { toQueue } from "../../protocol/queue.js";
import type { ResultRecord } from "../../protocol/result.js";
import { rpcDocument } from "../../protocol/result.js";
import { encodeContent } from "../../protocol/serializers/registry.js";
import type { Backend, BackendOptions, StoreContext } from "../backend.js";
import { closedError } from "../closed.js";
import { retrying, retryPolicy } from "../retry-policy.js";
import { ReplyQueue } from "./reply-queue.js";

/**
 * Results sent back through the broker to the program that sent the task (celery/backends/rpc.py): `rpc://`. Each
 * backend object has one reply queue of its own, named in the `reply_to` of its tasks; a result reaches this process
 * only, once, and while it lives. Groups cannot be saved.
 *
 * Works over every broker that can deliver to a queue by its name. A task without `reply_to` has its result dropped.
 */
export default function open(_url: string, options: BackendOptions): Backend {
  const policy = retryPolicy(options.transportOptions["retry_policy"]);
  const closing = new AbortController();
  const replies = new ReplyQueue(options);
  const isOpen = (): void => {
    if (closing.signal.aborted) throw closedError();
  };
  const refuse = (what: string): NotSupported =>
    new NotSupported(`rpc:// keeps no groups, so ${what} is not possible; use a shared backend such as redis://`);

  const message = (record: ResultRecord, context: StoreContext): Message => {
    const { body, contentType, contentEncoding } = encodeContent(rpcDocument(record), options.serializer);
    return {
      body,
      contentType,
      contentEncoding,
      headers: {},
      properties: {
        correlationId: context.correlationId ?? record.taskId,
        deliveryMode: options.resultPersistent ? 2 : 1,
        priority: 0,
      },
    };
  };

  return {
    scheme: "rpc",
    displayUrl: "rpc://",
    capabilities: {
      results: true,
      delivery: "push",
      shared: false,
      persistent: false,
      keepsSuccess: false,
      forget: true,
      groups: false,
      autoExpire: true,
    },
    replyTo: replies.name,

    async expect() {
      isOpen();
      await replies.ready();
    },

    async store(record, context = {}) {
      isOpen();
      const { replyTo } = context;
      if (!replyTo) return;
      const reply = message(record, context);
      const broker = await options.broker();
      await retrying(
        policy,
        closing.signal,
        // The sender may be gone, and its queue with it: that is nobody's error.
        () => broker.publish(reply, toQueue(replyTo), { mandatory: false }),
        (error, retry) => options.logger.warn("a result could not be sent; trying again", { error, retry }),
      );
    },

    async load(taskId) {
      isOpen();
      return replies.newest(taskId);
    },

    watch: (taskIds, watchOptions) => replies.watch(taskIds, watchOptions?.signal),

    async forget(taskId) {
      isOpen();
      replies.forget(taskId);
    },

    saveGroup: async (group) => {
      throw refuse(`saving group ${group.id}`);
    },
    loadGroup: async (groupId) => {
      throw refuse(`restoring group ${groupId}`);
    },
    deleteGroup: async (groupId) => {
      throw refuse(`deleting group ${groupId}`);
    },
    cleanup: async () => undefined,

    async close() {
      if (closing.signal.aborted) return;
      closing.abort();
      await replies.close();
    },
  };
}
