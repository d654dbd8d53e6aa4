// Shows the OpenAPI document of this server and lets one try it out. Everything is set as text, never as markup.
"use strict";

const TITLES = { client: "For clients (public listener)", management: "For operators (admin listener)", open: "Without a key" };
const ALL = ["get", "post", "delete"];

function make(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "class") node.className = value;
    else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

function resolved(schema, api) {
  if (!schema || !schema.$ref) return schema || {};
  return resolved(api.components.schemas[schema.$ref.split("/").pop()], api);
}

function kindOf(schema, api) {
  if (schema.$ref && !resolved(schema, api).enum) return schema.$ref.split("/").pop();
  schema = resolved(schema, api);
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(" | ");
  if (schema.anyOf) return schema.anyOf.map((one) => kindOf(one, api)).join(" or ");
  if (schema.type === "array") return `array of ${kindOf(schema.items || {}, api)}`;
  return [schema.type || "anything", schema.format].filter(Boolean).join(", ");
}

function structsOf(schema, api, found = new Map()) {
  if (schema.$ref) {
    const name = schema.$ref.split("/").pop();
    if (!found.has(name)) {
      const struct = resolved(schema, api);
      found.set(name, struct);
      Object.values(struct.properties || {}).forEach((one) => structsOf(one, api, found));
    }
  }
  (schema.anyOf || []).forEach((one) => structsOf(one, api, found));
  if (schema.items) structsOf(schema.items, api, found);
  return found;
}

function fields(title, rows) {
  if (!rows.length) return null;
  const lines = rows.map((cells) => make("tr", {}, ...cells.map((cell) => make("td", {}, cell))));
  return make("section", {}, make("h3", {}, title), make("table", { class: "fields" }, make("tbody", {}, ...lines)));
}

function structTables(title, schema, api) {
  const tables = [];
  for (const [name, struct] of structsOf(schema, api)) {
    const required = new Set(struct.required || []);
    const rows = Object.entries(struct.properties || {}).map(([field, one]) => [
      required.has(field) ? `${field} *` : field, kindOf(one, api), one.description || "",
    ]);
    tables.push(fields(`${title}: ${name}${struct.enum ? ` = ${struct.enum.join(" | ")}` : ""}`, rows));
  }
  return tables.filter(Boolean);
}

function example(schema, api, depth = 0) {
  schema = resolved(schema, api);
  if (schema.anyOf) return example(schema.anyOf[0], api, depth);
  if (schema.properties) {
    const shown = (schema.required || []).map((name) => [name, example(schema.properties[name], api, depth + 1)]);
    return Object.fromEntries(shown);
  }
  if (schema.enum) return schema.enum[0];
  if (schema.type === "array") return [];
  if (schema.type === "integer" || schema.type === "number") return 1;
  return schema.type === "boolean" ? false : "…";
}

async function send(method, path, inputs, body, out, abort) {
  let target = path;
  const query = new URLSearchParams();
  const headers = {};
  for (const { spec, input } of inputs) {
    if (!input.value) continue;
    if (spec.in === "path") target = target.replace(`{${spec.name}}`, encodeURIComponent(input.value));
    if (spec.in === "query") query.set(spec.name, input.value);
    if (spec.in === "header") headers[spec.name] = input.value;
  }
  const key = document.getElementById("key").value.trim();
  if (key) headers.Authorization = `Bearer ${key}`;
  if (body) headers["Content-Type"] = "application/json";
  const search = query.toString();
  out.textContent = "…";
  try {
    const options = { method: method.toUpperCase(), headers, body: body ? body.value : undefined, signal: abort };
    const answer = await fetch(search ? `${target}?${search}` : target, options);
    out.textContent = `${answer.status} ${answer.statusText}\n${[...answer.headers].map((pair) => pair.join(": ")).join("\n")}\n\n`;
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      text += part.value;
      out.append(part.value);
    }
    if ((answer.headers.get("Content-Type") || "").includes("json") && text) {
      out.textContent = out.textContent.replace(text, JSON.stringify(JSON.parse(text), null, 2));
    }
  } catch (error) {
    out.append(`\n${error.name === "AbortError" ? "stopped" : error}`);
  }
}

function form(method, path, operation, api) {
  const inputs = (operation.parameters || []).map((spec) => ({ spec, input: make("input", { "aria-label": spec.name }) }));
  const json = operation.requestBody && operation.requestBody.content["application/json"];
  const body = json ? make("textarea", { "aria-label": "body", spellcheck: "false" }) : null;
  if (body) body.value = JSON.stringify(example(json.schema, api), null, 2);
  const out = make("pre", { "aria-live": "polite" });
  let stop = new AbortController();
  const go = make("button", { type: "button", onclick: () => {
    stop.abort();
    stop = new AbortController();
    send(method, path, inputs, body, out, stop.signal);
  } }, "Send");
  const end = make("button", { type: "button", onclick: () => stop.abort() }, "Stop");
  const rows = inputs.map(({ spec, input }) => [
    `${spec.name}${spec.required ? " *" : ""} (${spec.in})`, input, spec.description || kindOf(spec.schema || {}, api),
  ]);
  return make("section", {}, fields("Parameters", rows), body ? make("h3", {}, "Body") : null, body, go, end, out);
}

function shownOperation(method, path, operation, api) {
  const json = operation.requestBody && operation.requestBody.content["application/json"];
  const answers = Object.entries(operation.responses).map(([status, one]) => [
    status, one.description, Object.values(one.content || {}).map((media) => kindOf(media.schema || {}, api)).join(", "),
  ]);
  const good = Object.entries(operation.responses).filter(([status]) => status < 300);
  const schemas = good.flatMap(([, one]) => Object.values(one.content || {}).map((media) => media.schema || {}));
  const summary = make("summary", {}, make("span", { class: "method" }, method.toUpperCase()),
    make("span", { class: "path" }, path), make("span", { class: "words" }, operation.summary));
  const node = make("details", { class: "operation", id: operation.operationId }, summary);
  node.addEventListener("toggle", () => {
    if (node.open && node.children.length === 1) {
      node.append(form(method, path, operation, api), ...(json ? structTables("Body", json.schema, api) : []),
        fields("Answers", answers), ...schemas.flatMap((schema) => structTables("Answer", schema, api)));
    }
  });
  return node;
}

async function main() {
  const place = document.getElementById("operations");
  const api = await (await fetch("/openapi.json")).json();
  document.getElementById("about").textContent = `${api.info.description} Version ${api.info.version}.`;
  for (const [tag, title] of Object.entries(TITLES)) {
    const nodes = Object.entries(api.paths).flatMap(([path, methods]) => ALL
      .filter((method) => methods[method] && methods[method].tags.includes(tag))
      .map((method) => shownOperation(method, path, methods[method], api)));
    place.append(make("h2", {}, title), ...nodes);
  }
}

main().catch((error) => {
  document.getElementById("operations").append(make("p", { class: "bad" }, `The document cannot be shown: ${error}`));
});
