//! One asset with its points, and what its type promises of it.

use super::points::{live, short};
use crate::ApiError;
use crate::answer;
use crate::assets::Assets;
use crate::extract::Params;
use crate::plant::Asset;
use crate::shapes::{AssetAt, AssetPage, AssetPart, AssetPoint, ContractShape};
use crate::state::{Shared, Web, Who};
use axum::extract::State;
use axum::{Extension, Json};
use model::Principal;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Most points and most assets of one answer.
const MOST: usize = 2_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AssetAsk {
    path: String,
}

pub(super) async fn detail(
    State(web): State<Shared>,
    Extension(who): Extension<Arc<Who>>,
    Params(ask): Params<AssetAsk>,
) -> Result<Json<AssetPage>, ApiError> {
    answer::look(&web, move |web| page(web, &who.principal, &ask.path)).await?.map(Json)
}

fn page(web: &Web, who: &Principal, path: &str) -> Result<AssetPage, ApiError> {
    let assets = web.assets();
    let asset = assets
        .at(path)
        .filter(|asset| who.sees(&asset.path))
        .ok_or_else(|| ApiError::not_found(format_args!("asset `{}`", short(path))))?;
    let (points, more) = points(web, who, asset)?;
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let below: Vec<&Asset> =
        assets.all.iter().filter(|one| is_right_below(&assets, one, asset)).take(MOST).collect();
    let contract = asset.of.as_ref().map(|of| {
        let parts: Vec<AssetPart> = of
            .parts
            .iter()
            .map(|part| AssetPart {
                name: part.name.clone(),
                asset_type: part.kind.clone(),
                required: part.required,
                found: assets.at(&format!("{}/{}", asset.path, part.name)).map(at),
            })
            .collect();
        let wanted =
            points.iter().filter(|one| one.required && one.point.is_none()).map(|one| one.name.clone());
        let parts_wanted = parts.iter().filter(|part| part.required && part.found.is_none());
        let missing: Vec<String> = wanted.chain(parts_wanted.map(|part| part.name.clone())).collect();
        ContractShape {
            description: of.description.clone(),
            extends: of.extends.clone(),
            kept: missing.is_empty(),
            missing,
            parts,
        }
    });
    Ok(AssetPage {
        path: asset.path.to_string(),
        name: asset.display_name().to_owned(),
        asset_type: asset.asset_type.clone(),
        level: asset.level.clone(),
        owner_ot: some(&asset.owner_ot),
        owner_it: some(&asset.owner_it),
        zone: some(&asset.zone),
        contract,
        points,
        more,
        below: below.into_iter().filter(|one| who.sees(&one.path)).map(at).collect(),
        within: assets.above(asset.path.as_str()).filter(|above| who.sees(&above.path)).map(at),
    })
}

fn at(asset: &Asset) -> AssetAt {
    AssetAt {
        path: asset.path.to_string(),
        name: asset.display_name().to_owned(),
        asset_type: asset.asset_type.clone(),
    }
}

/// Whether `one` stands in `above` with no other asset between them.
fn is_right_below(assets: &Assets, one: &Asset, above: &Asset) -> bool {
    assets.above(one.path.as_str()).is_some_and(|nearest| nearest.path == above.path)
}

/// The points of the type in its order, then the others right below the asset; and whether there are more.
fn points(web: &Web, who: &Principal, asset: &Asset) -> Result<(Vec<AssetPoint>, bool), ApiError> {
    let tree = web.namespace.points();
    let mut here = BTreeMap::new();
    let mut more = false;
    for child in tree.children(asset.path.as_str()) {
        let Some(id) = child.point else { continue };
        let Some((declared, last)) = web.namespace.meta(id).zip(web.namespace.last(id)) else { continue };
        if here.len() >= MOST {
            more = true;
            break;
        }
        if who.sees(&declared.path) {
            here.insert(child.segment.to_ascii_lowercase(), live(&declared, &last)?);
        }
    }
    let mut all = Vec::new();
    for wanted in asset.of.iter().flat_map(|of| &of.points) {
        all.push(AssetPoint {
            name: wanted.name.clone(),
            wanted: Some(wanted.wanted.clone()),
            required: wanted.required,
            point: here.remove(&wanted.name.to_ascii_lowercase()),
        });
    }
    all.extend(here.into_values().map(|point| AssetPoint {
        name: point.path.rsplit('/').next().unwrap_or_default().to_owned(),
        wanted: None,
        required: false,
        point: Some(point),
    }));
    Ok((all, more))
}
