// A file of its own: the gateway's Content-Security-Policy forbids scripts inside a page.
const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();
SwaggerUIBundle({ url: "/docs/openapi.yaml", dom_id: "#http", deepLinking: true, defaultModelsExpandDepth: 0, validatorUrl: null });
