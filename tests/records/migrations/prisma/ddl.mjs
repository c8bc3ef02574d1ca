// Prisma's own schema engine, built as WebAssembly: prints the SQL that makes the schema beside this file. The server
// in DATABASE_URL is only asked for its version.
import { readFileSync } from 'node:fs'
import { PrismaPg } from '@prisma/adapter-pg'
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils'

// Node has no loader for the package's entry, which imports the .wasm file as a module.
const folder = new URL('./node_modules/@prisma/schema-engine-wasm/', import.meta.url)
const glue = await import(new URL('schema_engine_bg.js', folder))
const wasm = readFileSync(new URL('schema_engine_bg.wasm', folder))
const module = await WebAssembly.instantiate(wasm, { './schema_engine_bg.js': glue })
glue.__wbg_set_wasm(module.instance.exports)
module.instance.exports.__wbindgen_start()

const content = readFileSync('schema.prisma', 'utf8')
const adapter = new PrismaPg({ connectionString: process.env.DATABASE_URL })
const engine = await glue.SchemaEngine.new(
  { datamodels: [['schema.prisma', content]] },
  () => {},
  bindMigrationAwareSqlAdapterFactory(adapter),
)
const { stdout } = await engine.diff({
  from: { tag: 'empty' },
  to: { tag: 'schemaDatamodel', files: [{ path: 'schema.prisma', content }] },
  script: true,
  exitCode: null,
  shadowDatabaseUrl: null,
  filters: { externalTables: [], externalEnums: [] },
})
process.stdout.write(stdout)
process.exit(0) // the adapter's pool would keep the process alive
