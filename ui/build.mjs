// Builds ui/dist from ui/src and ui/css; `--check` writes nothing and names what differs.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import openapi, { astToString } from "openapi-typescript";

const HERE = dirname(fileURLToPath(import.meta.url));
const SCRIPTS = [
  "site",
  "queue",
  "seats",
  "checkout",
  "ticket",
  "passkey",
  "board",
  "area",
  "door",
];
// What reads QR codes where a browser does not; its own package has it built.
const READER = "node_modules/zxing-wasm/dist/reader/zxing_reader.wasm";
const CONTRACT = join(HERE, "../docs/openapi.yml");
const TYPES = join(HERE, "generated/api.d.ts");

// The types of the API follow the contract; they are made again only when it has changed.
async function writeTypes() {
  const contract = readFileSync(CONTRACT);
  const stamp = `// ${createHash("sha256").update(contract).digest("hex")}\n`;
  if (read(TYPES)?.toString().startsWith(stamp)) return;
  const source = astToString(await openapi(contract.toString(), { alphabetize: true }));
  mkdirSync(dirname(TYPES), { recursive: true });
  writeFileSync(TYPES, stamp + source);
}

function read(path) {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}

const SHARED = {
  absWorkingDir: HERE,
  // The map's zoom animates nothing: a third of its library stays out.
  alias: { "d3-transition": "./src/seats/still.ts" },
  bundle: true,
  charset: "utf8",
  legalComments: "none",
  logLevel: "warning",
  minify: true,
  target: ["es2022", "chrome111", "firefox115", "safari16.4"],
  write: false,
};

// The admin has a switch for light and dark, which goes before what the system says: the tokens of
// either as rules of its attribute.
function adminStyle() {
  const tokens = readFileSync(join(HERE, "css/tokens.css"), "utf8");
  const [light, dark] = [...tokens.matchAll(/:root \{([^}]*)\}/g)].map((found) => found[1]);
  const rules = Object.entries({ light, dark }).map(
    ([theme, values]) => `html[data-theme="${theme}"] {${values.replace("light dark", theme)}}`,
  );
  return ['@import "./tokens.css";', '@import "./admin.css";', ...rules].join("\n");
}

async function bundles() {
  const entries = SCRIPTS.map((name) => ({ in: `src/pages/${name}.ts`, out: name }));
  const scripts = { ...SHARED, format: "esm", conditions: ["production"] };
  const made = await Promise.all([
    build({ ...scripts, entryPoints: entries, outdir: "dist" }),
    // Loaded by browsers alone that cannot read QR codes by themselves.
    build({ ...scripts, entryPoints: { reader: "src/door/reader.ts" }, outdir: "dist" }),
    build({
      ...scripts,
      entryPoints: {
        worker: "src/worker/worker.ts",
        "ticket-keeper": "src/tickets/keeper.ts",
        "door-keeper": "src/door/offline/keeper.ts",
      },
      outdir: "dist",
      format: "iife",
    }),
    build({
      ...SHARED,
      entryPoints: { site: "css/site.css", staff: "css/staff.css", door: "css/door.css" },
      outdir: "dist",
    }),
    build({
      ...SHARED,
      stdin: { contents: adminStyle(), resolveDir: join(HERE, "css"), loader: "css" },
      outfile: "dist/admin.css",
    }),
    // What tests/browser calls: the functions without a page, and the elements on a page of its own.
    build({ ...scripts, entryPoints: { pure: "src/testing/pure.ts" }, outdir: "dist-tests" }),
  ]);
  const icons = readdirSync(join(HERE, "icons")).map((name) => [
    join("dist", name),
    readFileSync(join(HERE, "icons", name)),
  ]);
  const wasm = [join("dist", "zxing_reader.wasm"), readFileSync(join(HERE, READER))];
  const built = made
    .flatMap((one) => one.outputFiles)
    .map((file) => [relative(HERE, file.path), Buffer.from(file.contents)]);
  return [...built, ...icons, wasm];
}

function committed() {
  return ["dist", "dist-tests"].flatMap((folder) => {
    try {
      return readdirSync(join(HERE, folder)).map((name) => join(folder, name));
    } catch {
      return [];
    }
  });
}

await writeTypes();
const made = new Map(await bundles());
const stale = committed().filter((path) => !made.has(path));
if (process.argv.includes("--check")) {
  const different = [...made].filter(([path, bytes]) => !read(join(HERE, path))?.equals(bytes));
  for (const path of [...different.map(([path]) => path), ...stale]) {
    process.stderr.write(`ui/${path} is not what ui/src builds: run make ui\n`);
    process.exitCode = 1;
  }
} else {
  for (const path of stale) rmSync(join(HERE, path));
  for (const [path, bytes] of made) {
    mkdirSync(dirname(join(HERE, path)), { recursive: true });
    writeFileSync(join(HERE, path), bytes);
  }
}
