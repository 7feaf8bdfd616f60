/**
 * Holds the floors of src/: a file imports from its own folder and from lower floors only, drivers know neither each
 * other nor a registry, and no imports form a circle, type-only ones included. Prints every breach; exit code 1 if any.
 */
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import ts from "typescript";

interface Import {
  /** Path below src, with forward slashes. */
  readonly from: string;
  readonly to: string;
  readonly line: number;
  readonly typeOnly: boolean;
  /** `import("...")` with a literal: loaded later, so it makes no circle at load time. */
  readonly dynamic: boolean;
}

const floors: Readonly<Record<string, number>> = {
  "errors.ts": 0,
  util: 0,
  protocol: 1,
  brokers: 2,
  backends: 2,
  client: 3,
  worker: 4,
  "index.ts": 5,
  "drivers.ts": 5,
  testing: 5,
  cli: 5,
};

/** Interfaces that a driver of the other family may know, by type alone (rpc answers through a broker). */
const shared = new Set(["brokers/broker.ts", "backends/backend.ts"]);
/** What a client or worker may take from the floor of drivers. */
const entrances = new Set([...shared, "brokers/registry.ts", "backends/registry.ts"]);
/** Folders of brokers/ and backends/ that several drivers build on, as they do on the files beside them. */
const bases = new Set(["virtual", "key-value"]);

const isTest = (path: string): boolean => /\.test(-d)?\.ts$/.test(path);
const place = (path: string): string => path.split("/")[0] ?? path;

function importsOf(source: string, path: string): Import[] {
  const file = join(source, path);
  const tree = ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest, true);
  const found: Import[] = [];
  const add = (specifier: ts.Node | undefined, typeOnly: boolean, dynamic: boolean): void => {
    if (!specifier || !ts.isStringLiteralLike(specifier) || !specifier.text.startsWith(".")) return;
    const target = relative(source, resolve(dirname(file), specifier.text)).replaceAll("\\", "/");
    const line = tree.getLineAndCharacterOfPosition(specifier.getStart()).line + 1;
    found.push({ from: path, to: target.replace(/\.js$/, ".ts"), line, typeOnly, dynamic });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, isTypeImport(node), false);
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly, false);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, true, false);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node.arguments[0], false, true);
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
}

function isTypeImport({ importClause }: ts.ImportDeclaration): boolean {
  if (!importClause) return false;
  if (importClause.isTypeOnly) return true;
  const bindings = importClause.namedBindings;
  return (
    !importClause.name &&
    bindings !== undefined &&
    ts.isNamedImports(bindings) &&
    bindings.elements.length > 0 &&
    bindings.elements.every((element) => element.isTypeOnly)
  );
}

/** Why this import is not allowed, or null. */
function breach({ from, to, typeOnly, dynamic }: Import): string | null {
  const [family, driver] = from.split("/");
  const [targetFamily, targetDriver] = to.split("/");
  const own = floors[place(from)];
  const other = floors[place(to)];
  if (own === undefined) return `${place(from)} has no floor; add it to scripts/check-imports.ts`;
  if (other === undefined) return `it leaves src/ or reaches a place without a floor`;
  if (other > own) return `floor ${own} reaches up to floor ${other}`;
  if (own === 2) {
    const isRegistry = from.split("/").length === 2 && driver === "registry.ts";
    if (targetFamily !== family && other === 2 && !(typeOnly && shared.has(to)))
      return `drivers of ${family} know of ${targetFamily} only the interface, by type`;
    if (targetFamily !== family || targetDriver === driver) return null;
    if (isRegistry) return dynamic || shared.has(to) ? null : "a registry reaches drivers by import() alone";
    if (to.endsWith("/registry.ts")) return "a driver does not know its registry";
    const isDriver = to.split("/").length > 2 && !bases.has(targetDriver ?? "");
    if (isDriver) return "a driver does not know another driver";
    return null;
  }
  if ((own === 3 || own === 4) && other === 2 && !entrances.has(to))
    return `${family} takes the interfaces and the registries only`;
  return null;
}

/** Every group of files that import each other in a circle. */
function circles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const found: string[][] = [];
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const visit = (path: string): void => {
    index.set(path, index.size);
    low.set(path, index.get(path) ?? 0);
    stack.push(path);
    for (const next of graph.get(path) ?? []) {
      if (!index.has(next)) visit(next);
      if (stack.includes(next)) low.set(path, Math.min(low.get(path) ?? 0, low.get(next) ?? 0));
    }
    if (low.get(path) !== index.get(path)) return;
    const group = stack.splice(stack.indexOf(path));
    if (group.length > 1 || graph.get(path)?.includes(path)) found.push(group.reverse());
  };
  for (const path of graph.keys()) if (!index.has(path)) visit(path);
  return found;
}

/** Every breach in a `src` folder, a sentence each, and how much was looked at. */
export function checkImports(source: string): { problems: string[]; files: number; imports: number } {
  const files = readdirSync(source, { recursive: true, encoding: "utf8" })
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => path.endsWith(".ts") && !isTest(path))
    .sort();
  const imports = files.flatMap((path) => importsOf(source, path));
  const problems = imports.flatMap((one) => {
    const why = breach(one);
    return why ? [`src/${one.from}:${one.line} imports ${one.to}: ${why}`] : [];
  });
  const graph = new Map(
    files.map((path) => [path, imports.filter((one) => one.from === path && !one.dynamic).map(({ to }) => to)]),
  );
  for (const circle of circles(graph)) problems.push(`circle: ${circle.map((path) => `src/${path}`).join(" -> ")}`);
  return { problems, files: files.length, imports: imports.length };
}

if (process.argv[1] === import.meta.filename) {
  const { problems, files, imports } = checkImports(join(import.meta.dirname, "..", "src"));
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
  else console.log(`${files} files, ${imports} imports: floors hold, no circle`);
}
