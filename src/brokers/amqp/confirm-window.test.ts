import assert from "node:assert/strict";
import fc from "fast-check";
import { exchange } from "../../protocol/queue.js";
import { ConfirmWindow, type Outcome, type Pending, type Returned } from "./confirm-window.js";

const nobody = (): void => undefined;

function pending(id: string, routingKey = "q", mandatory = true): Pending {
  return {
    message: { body: Buffer.from(id), contentType: null, contentEncoding: null, headers: {}, properties: {} },
    to: { exchange: exchange(""), routingKey },
    mandatory,
    waiting: false,
    resolve: nobody,
    reject: nobody,
  };
}

const cameBack = ({ message, to }: Pending): Returned => ({
  exchange: to.exchange.name,
  routingKey: to.routingKey,
  correlationId: message.properties.correlationId,
  body: message.body,
  reason: "NO_ROUTE",
});

function recording(): { window: ConfirmWindow; outcomes: Map<Pending, Outcome["kind"]> } {
  const outcomes = new Map<Pending, Outcome["kind"]>();
  const window = new ConfirmWindow((one, outcome) => {
    assert.ok(!outcomes.has(one), "settled twice");
    outcomes.set(one, outcome.kind);
  });
  return { window, outcomes };
}

describe("amqp confirm window", () => {
  it("gives each message the outcome that the server gave it, whatever the order of the answers", () => {
    const message = fc.record({
      body: fc.constantFrom("a", "b", "c"),
      key: fc.constantFrom("k", "l"),
      kind: fc.constantFrom<Outcome["kind"]>("confirmed", "returned", "refused"),
      mandatory: fc.boolean(),
    });
    const run = fc.tuple(fc.array(message, { maxLength: 40 }), fc.infiniteStream(fc.nat(1000)));
    fc.assert(
      fc.property(run, ([list, random]) => {
        const draw = (below: number): number => (random.next().value as number) % below;
        const { window, outcomes } = recording();
        // Bodies are made unique: only byte-identical messages cannot be told apart.
        const sent = list.map((one, n) => {
          const kind = one.kind === "returned" && !one.mandatory ? "confirmed" : one.kind;
          return { kind, pending: pending(`${one.body}${n}`, one.key, one.mandatory) };
        });
        // As RabbitMQ answers: returns in the order of publishing, each before the confirmation of its message.
        let published = 0;
        let returned = 0;
        const open = new Set<number>();
        while (published < sent.length || open.size > 0) {
          if (published < sent.length && (open.size === 0 || draw(2) === 0)) {
            window.push((sent[published] as (typeof sent)[0]).pending);
            open.add(published++);
            continue;
          }
          const chosen = [...open][draw(open.size)] as number;
          for (; returned <= chosen; returned++) {
            const one = sent[returned] as (typeof sent)[0];
            if (one.kind === "returned") assert.equal(window.returned(cameBack(one.pending)), true);
          }
          const ok = sent[chosen]?.kind !== "refused";
          const upTo = [...open].filter((index) => index <= chosen);
          const multiple = upTo.every((index) => (sent[index]?.kind !== "refused") === ok) && draw(2) === 0;
          window.confirm(chosen + 1, multiple, ok);
          for (const index of multiple ? upTo : [chosen]) open.delete(index);
          assert.equal(window.size, open.size);
        }
        assert.deepEqual(
          sent.map((one) => outcomes.get(one.pending)),
          sent.map((one) => one.kind),
        );
      }),
      { numRuns: 500 },
    );
  });

  it("gives a return to the one that was not routed, not to its routed neighbour", () => {
    const { window, outcomes } = recording();
    const [first, second] = [pending("1"), pending("2")];
    window.push(first);
    window.push(second);
    window.returned(cameBack(second));
    window.confirm(2, true, true);
    assert.deepEqual([outcomes.get(first), outcomes.get(second)], ["confirmed", "returned"]);
  });

  it("tells byte-identical messages apart by their order", () => {
    const { window, outcomes } = recording();
    const twins = [pending("same"), pending("same"), pending("same")];
    for (const one of twins) window.push(one);
    for (const one of twins.slice(0, 2)) window.returned(cameBack(one));
    window.confirm(3, true, true);
    assert.deepEqual(
      twins.map((one) => outcomes.get(one)),
      ["returned", "returned", "confirmed"],
    );
  });

  it("does not know what it never sent", () => {
    const { window, outcomes } = recording();
    assert.equal(window.returned(cameBack(pending("x"))), false);
    window.confirm(7, true, true);
    assert.equal(outcomes.size, 0);
  });

  it("gives out what is unconfirmed, in order", () => {
    const { window } = recording();
    const list = Array.from({ length: 5000 }, (_, n) => pending(String(n)));
    for (const one of list) window.push(one);
    window.confirm(3000, true, true);
    window.confirm(3002, false, true);
    assert.deepEqual(window.drain(), [list[3000], ...list.slice(3002)]);
    assert.equal(window.size, 0);
  });
});
