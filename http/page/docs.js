"use strict";
// Swagger UI where it was built in; else the routes as a table.
const page = document.getElementById("page");
if (window.SwaggerUIBundle) {
  window.SwaggerUIBundle({
    url: "/openapi.json", domNode: page, deepLinking: true, persistAuthorization: false,
    validatorUrl: null, tryItOutEnabled: true,
  });
} else {
  fetch("/openapi.json").then((answer) => answer.json()).then((api) => {
    const table = document.createElement("table");
    for (const [path, methods] of Object.entries(api.paths)) {
      for (const [method, what] of Object.entries(methods)) {
        const row = table.insertRow();
        for (const text of [method.toUpperCase(), path, what.description]) {
          row.insertCell().textContent = text;
        }
      }
    }
    page.append(table);
  });
}
