// Reads {"tables": {NAME: "(COLUMN:TYPE, ...)"}, "queries": {NAME: QUERY}} as JSON from standard input, and writes what
// Microsoft's Kusto language service finds wrong with each query, as {NAME: [LINE, ...]}.
require("@kusto/language-service-next/bridge.min.js");
require("@kusto/language-service-next/Kusto.Language.Bridge.min.js");

const { GlobalState, KustoCode, Symbols } = Kusto.Language;
const asked = JSON.parse(require("fs").readFileSync(0, "utf8"));
// Bridge.NET numbers overloaded constructors: (name, schema, description) and (name, alternateName, members).
const tables = Object.entries(asked.tables).map(([name, schema]) => new Symbols.TableSymbol.$ctor7(name, schema, null));
const globals = GlobalState.Default.WithDatabase(new Symbols.DatabaseSymbol.$ctor2("logs", null, tables));
const found = {};
for (const [name, query] of Object.entries(asked.queries)) {
  const diagnostics = KustoCode.ParseAndAnalyze(query, globals).GetDiagnostics();
  found[name] = Array.from({ length: diagnostics.Count }, (_, index) => diagnostics.getItem(index).Message);
}
process.stdout.write(JSON.stringify(found));
