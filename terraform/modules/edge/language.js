// Of the site's two languages the one that the caller names first, as the gateway decides it
// (`map $http_accept_language $language` in stack/gateway/nginx.conf.template). A header has any number
// of spellings; what is kept has two.
function handler(event) {
  var request = event.request;
  var header = request.headers["accept-language"];
  var english = header && /^(?:(?!\bko\b).)*?\ben\b/i.test(header.value);
  request.headers["accept-language"] = { value: english ? "en" : "ko" };
  return request;
}
