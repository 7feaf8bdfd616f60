import type { ScalarTag, Tags } from "yaml";
import { DateTime, PlainDate } from "../values.js";

/**
 * How PyYAML's safe loader takes plain scalars (yaml/resolver.py): YAML 1.1, with its own exceptions (`y` and `1e3`
 * are text). Integers come out as `bigint`, so that they can be told from floats afterwards.
 */
const scalar = (name: string, test: RegExp, resolve: (text: string) => unknown): ScalarTag => ({
  tag: `tag:yaml.org,2002:${name}`,
  default: true,
  test,
  resolve,
  identify: () => false,
});

const YES = /^(?:yes|true|on)$/i;

function integer(text: string): bigint {
  const plain = text.replace(/[_+]/g, "");
  const sign = plain.startsWith("-") ? -1n : 1n;
  const digits = plain.replace("-", "");
  if (digits.length > 4300) throw new RangeError("an integer of more than 4300 digits");
  if (digits.includes(":")) return sign * digits.split(":").reduce((sum, part) => sum * 60n + BigInt(part), 0n);
  return sign * BigInt(/^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits);
}

function float(text: string): number {
  const plain = text.replaceAll("_", "").toLowerCase();
  const sign = plain.startsWith("-") ? -1 : 1;
  const digits = plain.replace(/^[-+]/, "");
  if (digits === ".inf") return sign * Infinity;
  if (digits === ".nan") return NaN;
  return sign * digits.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
}

const TIMESTAMP =
  /^(\d{4})-(\d\d?)-(\d\d?)(?:(?:[Tt]|[ \t]+)(\d\d?):(\d\d):(\d\d)(?:\.(\d*))?(?:[ \t]*(Z|([-+])(\d\d?)(?::?(\d\d))?))?)?$/;

function timestamp(text: string): DateTime | PlainDate {
  const match = TIMESTAMP.exec(text);
  if (!match) throw new RangeError("not a timestamp");
  const two = (at: number): string => (match[at] ?? "0").padStart(2, "0");
  const date = `${match[1]}-${two(2)}-${two(3)}`;
  if (match[4] === undefined) return new PlainDate(date);
  const fraction = (match[7] ?? "").slice(0, 6).padEnd(6, "0");
  const zone = match[8] === "Z" ? "+00:00" : match[8] === undefined ? "" : `${match[9]}${two(10)}:${two(11)}`;
  return new DateTime(`${date}T${two(4)}:${two(5)}:${two(6)}${fraction === "000000" ? "" : `.${fraction}`}${zone}`);
}

export const pyYamlTags: Tags = [
  "map",
  "seq",
  {
    tag: "tag:yaml.org,2002:str",
    default: true,
    resolve: (text: string) => text,
    identify: (value: unknown) => typeof value === "string",
  },
  scalar("null", /^(?:~|null|Null|NULL)?$/, () => null),
  scalar("bool", /^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$/, (text) =>
    YES.test(text),
  ),
  scalar(
    "int",
    /^(?:[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)$/,
    integer,
  ),
  scalar(
    "float",
    /^(?:[-+]?(?:[0-9][0-9_]*)\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/,
    float,
  ),
  scalar("timestamp", TIMESTAMP, timestamp),
  "merge",
  "binary",
  "set",
  "omap",
  "pairs",
];
