import { codes, linkToSection, packages, yes } from "./cells.js";
import { backendDrivers } from "./driver-list.js";
import { table } from "./regions.js";

export async function backendsTable(page: string, problem: (sentence: string) => void): Promise<string> {
  const rows = (await backendDrivers()).map((driver) => {
    const link = linkToSection(page, driver, problem);
    const own = [codes(driver.schemes), packages(driver)];
    const { results, delivery, shared, persistent, keepsSuccess, forget, groups, autoExpire } = driver.capabilities;
    if (!results) return [link, "nobody", ...Array<string>(6).fill("–"), ...own];
    return [
      link,
      shared ? "whoever knows the id" : "only the sender",
      delivery === "push" ? "pushed" : "polled",
      persistent ? "yes" : "by the process that got them",
      yes(keepsSuccess),
      yes(forget),
      yes(groups),
      autoExpire ? "by themselves" : "by `cleanup()`",
      ...own,
    ];
  });
  return table(
    [
      ...["Backend", "Results reach", "New states", "Can be read again", "A stored `SUCCESS` stays", "`forget()`"],
      ...["Saved groups", "Old results go", "Schemes", "npm install"],
    ],
    rows,
  );
}
