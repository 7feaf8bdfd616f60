import assert from "node:assert/strict";
import { linkToSection } from "./docs/cells.js";
import { codeBlock, filesIn, table, withRegion } from "./docs/regions.js";

describe("the generated parts of docs/", () => {
  const page = "# Page\n\n<!-- file: a/b.ts -->\nold\n<!-- /file: a/b.ts -->\n\nend\n";

  it("stand between their markers, and nothing else changes", () => {
    assert.deepEqual(filesIn(page), ["a/b.ts"]);
    const made = withRegion(page, "file: a/b.ts", codeBlock("a/b.ts", "const a = `$1`;\n"));
    assert.equal(
      made,
      "# Page\n\n<!-- file: a/b.ts -->\n\n```ts\nconst a = `$1`;\n```\n\n<!-- /file: a/b.ts -->\n\nend\n",
    );
    assert.equal(withRegion(made, "file: a/b.ts", codeBlock("a/b.ts", "const a = `$1`;\n")), made);
  });

  it("need both markers", () => {
    assert.throws(() => withRegion("<!-- capabilities -->", "capabilities", ""), /has no <!-- capabilities -->/);
    assert.throws(() => withRegion("", "capabilities", ""), /has no/);
  });

  it("escape what would end a cell", () => {
    assert.equal(table(["a", "b"], [["1|2", "3"]]), "| a | b |\n| --- | --- |\n| 1\\|2 | 3 |");
  });

  it("link to the section that begins with all schemes of a driver, and tell when there is none", () => {
    const pages =
      "# All\n\n`sqs`\n\n## Redis\n\nSchemes `redis`, `rediss`.\n\n### URL\n\n`sentinel`\n\n## Amazon SQS\n\n`sqs`\n";
    const problems: string[] = [];
    const link = (name: string, ...schemes: string[]): string =>
      linkToSection(pages, { name, schemes, capabilities: {}, packages: [] }, (sentence) => problems.push(sentence));
    assert.equal(link("redis", "redis", "rediss"), "[Redis](#redis)");
    assert.equal(link("sqs", "sqs"), "[Amazon SQS](#amazon-sqs)");
    assert.deepEqual(problems, []);
    assert.equal(link("redis", "redis", "sentinel"), "redis");
    assert.match(problems.join(), /no section .* the schemes `redis`, `sentinel` of the driver redis/);
  });
});
