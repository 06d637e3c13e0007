// Draws the reference of the API: Swagger UI over openapi.json.
// https://swagger.io/docs/open-source-tools/swagger-ui/usage/configuration

// The description, changed so that trying a call out works as one expects.
function tryable(description) {
  const names = Object.fromEntries(
    description.tags.map((tag) => [tag.name, tag["x-displayName"] ?? tag.name]),
  );
  for (const call of Object.values(description.paths).flatMap(Object.values)) {
    call.tags = call.tags?.map((tag) => names[tag]);
    call.parameters?.forEach(tellExample);
    call.parameters?.forEach(offerEmptyValue);
  }
  return {
    ...description,
    tags: description.tags.map((tag) => ({ ...tag, name: names[tag.name] })),
    // Where the page came from, also below a prefix; its policy (pages.py) forbids others.
    servers: [{ url: "." }],
  };
}

// Swagger UI would fill all examples in, down to the cursor, and so ask for nothing that exists.
function tellExample(parameter) {
  const examples = [parameter.example ?? []].flat().map((example) => `\`${example}\``);
  if (examples.length) parameter.description += `\n\nExample: ${examples.join(", ")}`;
  delete parameter.example;
}

// An empty value of a filter finds the sessions that have none: the page gets a box for it.
function offerEmptyValue(parameter) {
  if (parameter.schema.type === "array") parameter.allowEmptyValue = true;
}

// Swagger UI drops empty values from lists: those of checked boxes are put back.
const EmptyValues = () => ({
  statePlugins: {
    spec: {
      wrapActions: {
        executeRequest: (execute, { specSelectors }) => (request) => {
          const call = [request.pathName, request.method];
          request.operation.get("parameters")?.forEach((each) => {
            const [name, place] = [each.get("name"), each.get("in")];
            if (!specSelectors.parameterInclusionSettingFor(call, name, place)) return;
            request.parameters[`${place}.${name}`] ??= [];
            request.parameters[`${place}.${name}`].push("");
          });
          return execute(request);
        },
      },
    },
  },
});

const Tryable = () => ({
  statePlugins: {
    spec: { wrapActions: { updateJsonSpec: (update) => (spec) => update(tryable(spec)) } },
  },
});

const dark = window.matchMedia("(prefers-color-scheme: dark)");
const followTheme = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", followTheme);
followTheme();

SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#reference",
  plugins: [Tryable, EmptyValues],
  deepLinking: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  tryItOutEnabled: true,
  validatorUrl: null, // the badge of a public validator
});
