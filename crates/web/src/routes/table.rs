//! One line for each route: method, address, who may, limits, shapes, handler. Routing, the guard and the OpenAPI
//! document are all made from it, so they cannot disagree.

use crate::guard::{Need, Rule, guard};
use crate::shapes::ErrorBody;
use crate::state::Shared;
use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, MethodRouter, on};
use model::Role;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn, PathsBuilder};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::Schema;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, RefOr, Required,
    ResponseBuilder, SecurityRequirement,
};
use utoipa::{PartialSchema, ToSchema};

/// Largest body, bytes, where a route does not say otherwise.
pub(crate) const BODY: usize = 64 * 1024;

type Schemas = Vec<(String, RefOr<Schema>)>;

/// A parameter: name, where it stands, whether it must be given, what it means.
pub(crate) struct Parameter {
    name: &'static str,
    place: ParameterIn,
    required: bool,
    text: &'static str,
}

/// What is said of a body: media type and schema.
struct Content {
    media: &'static str,
    schema: Option<RefOr<Schema>>,
}

/// One route.
pub(crate) struct Route {
    pub method: Method,
    pub path: &'static str,
    pub rule: Rule,
    text: &'static str,
    parameters: Vec<Parameter>,
    takes: Option<Content>,
    gives: Content,
    schemas: Schemas,
    handler: MethodRouter<Shared>,
}

/// A route that answers an empty object; the methods below say more.
pub(crate) fn route<H, T>(
    method: Method,
    path: &'static str,
    need: Need,
    text: &'static str,
    handler: H,
) -> Route
where
    H: Handler<T, Shared>,
    T: 'static,
{
    let filter = match method {
        Method::POST => MethodFilter::POST,
        Method::PUT => MethodFilter::PUT,
        Method::PATCH => MethodFilter::PATCH,
        Method::DELETE => MethodFilter::DELETE,
        _ => MethodFilter::GET,
    };
    let parameters = path
        .split('/')
        .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| name.trim_start_matches('*'))
        .map(|name| Parameter { name, place: ParameterIn::Path, required: true, text: "Name." })
        .collect();
    Route {
        method,
        path,
        rule: Rule { need, scoped: false, body: BODY, answer: None },
        text,
        parameters,
        takes: None,
        gives: Content { media: "application/json", schema: None },
        schemas: Vec::new(),
        handler: on(filter, handler),
    }
}

/// A GET for a role.
pub(crate) fn get<H: Handler<T, Shared>, T: 'static>(
    path: &'static str,
    role: Role,
    text: &'static str,
    handler: H,
) -> Route {
    route(Method::GET, path, Need::Role(role), text, handler)
}

/// A POST for a role.
pub(crate) fn post<H: Handler<T, Shared>, T: 'static>(
    path: &'static str,
    role: Role,
    text: &'static str,
    handler: H,
) -> Route {
    route(Method::POST, path, Need::Role(role), text, handler)
}

impl Route {
    /// Takes this as JSON.
    pub fn takes<T: ToSchema>(mut self) -> Self {
        self.takes = Some(Content { media: "application/json", schema: Some(self.schema_of::<T>()) });
        self
    }

    /// Answers this as JSON.
    pub fn gives<T: ToSchema>(mut self) -> Self {
        self.gives.schema = Some(self.schema_of::<T>());
        self
    }

    /// Answers this media type.
    pub fn media(mut self, media: &'static str) -> Self {
        self.gives.media = media;
        self
    }

    /// May be given behind the `?`.
    pub fn param(mut self, name: &'static str, text: &'static str) -> Self {
        self.parameters.push(Parameter { name, place: ParameterIn::Query, required: false, text });
        self
    }

    /// Must be given behind the `?`.
    pub fn must(mut self, name: &'static str, text: &'static str) -> Self {
        self.parameters.push(Parameter { name, place: ParameterIn::Query, required: true, text });
        self
    }

    /// Principals with a prefix may use it: it shows them only what is theirs.
    pub fn scoped(mut self) -> Self {
        self.rule.scoped = true;
        self
    }

    /// Largest body, bytes.
    pub fn body(mut self, bytes: usize) -> Self {
        self.rule.body = bytes;
        self
    }

    /// Time to answer; zero for none (streams).
    pub fn within(mut self, limit: Duration) -> Self {
        self.rule.answer = Some(limit);
        self
    }

    fn schema_of<T: ToSchema>(&mut self) -> RefOr<Schema> {
        self.schemas.push((T::name().into_owned(), <T as PartialSchema>::schema()));
        T::schemas(&mut self.schemas);
        utoipa::openapi::Ref::from_schema_name(T::name()).into()
    }
}

/// Routes with the guard before each.
pub(crate) fn router(web: &Shared, routes: Vec<Route>) -> Router<Shared> {
    let mut router = Router::new();
    for route in routes {
        let mut rule = route.rule;
        rule.answer = match rule.answer {
            None => Some(web.limits.answer),
            Some(limit) => Some(limit).filter(|limit| !limit.is_zero()),
        };
        let before = axum::middleware::from_fn_with_state((web.clone(), Arc::new(rule)), guard);
        router = router.route(route.path, route.handler.route_layer(before));
    }
    router
}

/// The OpenAPI document of the routes.
pub(crate) fn document(routes: &[Route]) -> OpenApi {
    let mut schemas: BTreeMap<String, RefOr<Schema>> = BTreeMap::new();
    let mut errors: Schemas = vec![(ErrorBody::name().into_owned(), ErrorBody::schema())];
    ErrorBody::schemas(&mut errors);
    schemas.extend(errors);
    let mut paths = PathsBuilder::new().build();
    for route in routes {
        schemas.extend(route.schemas.iter().cloned());
        paths.add_path_operation(
            route.path.replace("{*", "{"),
            vec![http_method(&route.method)],
            operation(route),
        );
    }
    let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(crate::auth::COOKIE)));
    let bearer = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
    let components = schemas
        .into_iter()
        .fold(ComponentsBuilder::new(), |built, (name, schema)| built.schema(name, schema))
        .security_scheme("session", cookie)
        .security_scheme("token", bearer)
        .build();
    let info = InfoBuilder::new()
        .title("Ironbridge")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "The HTTP API of an Ironbridge gateway. Times are milliseconds since 1970-01-01 UTC. Requests that change \
             something carry `x-csrf-token` when they use a session cookie; API tokens need none.",
        ))
        .build();
    OpenApiBuilder::new().info(info).paths(paths).components(Some(components)).build()
}

fn operation(route: &Route) -> utoipa::openapi::path::Operation {
    let content = |content: &Content| ContentBuilder::new().schema(content.schema.clone()).build();
    let done =
        ResponseBuilder::new().description("Done.").content(route.gives.media, content(&route.gives)).build();
    let error: RefOr<Schema> = utoipa::openapi::Ref::from_schema_name(ErrorBody::name()).into();
    let failed = ResponseBuilder::new()
        .description("What happened, what it means, the next step.")
        .content("application/json", ContentBuilder::new().schema(Some(error)).build())
        .build();
    let mut operation =
        OperationBuilder::new().summary(Some(route.text)).response("200", done).response("default", failed);
    if let Need::Role(role) = route.rule.need {
        operation = operation
            .description(Some(format!("Needs the role {role} or higher.")))
            .security(SecurityRequirement::new("session", Vec::<String>::new()))
            .security(SecurityRequirement::new("token", Vec::<String>::new()));
    }
    if let Some(takes) = &route.takes {
        let body = RequestBodyBuilder::new()
            .content(takes.media, content(takes))
            .required(Some(Required::True))
            .build();
        operation = operation.request_body(Some(body));
    }
    for parameter in &route.parameters {
        let required = if parameter.required { Required::True } else { Required::False };
        operation = operation.parameter(
            ParameterBuilder::new()
                .name(parameter.name)
                .parameter_in(parameter.place.clone())
                .required(required)
                .description(Some(parameter.text))
                .schema(Some(String::schema()))
                .build(),
        );
    }
    operation.build()
}

fn http_method(method: &Method) -> HttpMethod {
    match *method {
        Method::POST => HttpMethod::Post,
        Method::PUT => HttpMethod::Put,
        Method::PATCH => HttpMethod::Patch,
        Method::DELETE => HttpMethod::Delete,
        _ => HttpMethod::Get,
    }
}
