/** How the two tables of drivers say things. */
import type { DriverEntry } from "./driver-list.js";

export const yes = (value: boolean): string => (value ? "yes" : "no");

export const codes = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(", ");

export const packages = ({ packages: names }: DriverEntry<unknown>): string => (names.length > 0 ? codes(names) : "–");

/**
 * The heading of the driver's section, as a link: the section that names all its schemes before its first part. A
 * driver without one is not documented, which is a problem.
 */
export function linkToSection(
  page: string,
  { name, schemes }: DriverEntry<unknown>,
  problem: (sentence: string) => void,
): string {
  for (const section of page.split(/^## /m).slice(1)) {
    const [title = "", ...lines] = section.split("\n");
    const intro = lines.join("\n").split(/^### /m, 1)[0] ?? "";
    if (schemes.every((scheme) => intro.includes(`\`${scheme}\``)))
      return `[${title}](#${title
        .toLowerCase()
        .replaceAll(/[^\w\s-]/g, "")
        .replaceAll(/\s/g, "-")})`;
  }
  problem(`no section (## …) begins by naming the schemes ${codes(schemes)} of the driver ${name}`);
  return name;
}
