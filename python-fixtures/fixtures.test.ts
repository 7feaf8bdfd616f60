import assert from "node:assert/strict";
import { celeryVersions } from "../interop-tests/python/venvs.mjs";
import { Report } from "./checks.js";
import * as control from "./decode-control.js";
import * as results from "./decode-results.js";
import * as tasks from "./decode-tasks.js";
import * as values from "./decode-values.js";
import { readSubject, subjectsOf, type Entry } from "./fixture-files.js";

/** Everything that Python wrote is read here, value for value; where the bytes are promised, ours are the same. */

type Check = (report: Report, entry: Entry) => void;

const CHECKS: Readonly<Record<string, Check>> = {
  json: values.json,
  "foreign-json": values.foreignJson,
  yaml: values.serialized,
  msgpack: values.serialized,
  content: values.serialized,
  pickle: values.pickle,
  compression: values.compression,
  reprs: values.repr,
  "exception-reprs": values.exceptionTexts,
  "tasks-v1": tasks.task,
  "tasks-v2": tasks.task,
  "tasks-odd": tasks.oddTask,
  workflows: tasks.task,
  worker: tasks.task,
  redelivered: tasks.redelivered,
  signatures: tasks.signature,
  events: control.event,
  "control-requests": control.request,
  "control-replies": control.reply,
  "control-matching": control.matching,
  "control-queues": control.mailbox,
  topics: control.topic,
  results: results.result,
  "results-other-serializers": results.result,
  exceptions: results.exception,
  groups: results.group,
  "chord-parts": results.chordPart,
  rpc: results.rpc,
  "pickled-rows": results.pickledRow,
  "amqp-tables": results.amqpTable,
  "amqp-fields": results.amqpTable,
  "amqp-properties": results.amqpProperties,
};

for (const version of celeryVersions)
  describe(`what Celery ${version} wrote`, () => {
    for (const [subject, check] of Object.entries(CHECKS))
      it(`${subject} is read`, async () => {
        const report = new Report(version);
        for (const entry of await readSubject(version, subject))
          report.check(entry, "reading", () => check(report, entry));
        report.end();
      });

    it("has no subject that is not read", async () => {
      assert.deepEqual(await subjectsOf(version), Object.keys(CHECKS).sort());
    });
  });
