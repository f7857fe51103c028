// croner.cjs JOBS: starts each job of a list (cron line, program, arguments; by tabs) when croner says so.
const { execFile } = require("node:child_process");
const { readFileSync } = require("node:fs");
const { Cron } = require("croner");

for (const line of readFileSync(process.argv[2], "utf8").split("\n").filter(Boolean)) {
  const [schedule, program, ...args] = line.split("\t");
  new Cron(schedule, () => void execFile(program, args, () => {}));
}
// Without a job there would be nothing to stay for.
setInterval(() => {}, 2 ** 30);
