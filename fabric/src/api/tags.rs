//! NIC tags that are defined, changed and deleted.

use serde::{Deserialize, Serialize};

use crate::{LinkName, Mac, Mtu};

/// `POST /v1/nictags`: a tag of a link, or an etherstub.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreateNicTag {
    /// The tag's name: letters, digits and `_`, the first a letter. An
    /// etherstub's is a link's.
    #[cfg_attr(feature = "openapi", schema(example = "storage"))]
    pub name: String,
    /// Whether it is an etherstub. That has no other field.
    #[serde(default)]
    pub local: bool,
    /// The NIC, by its address.
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = Option<String>, example = "9c:b6:54:bb:c3:3c")
    )]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<Mac>,
    /// The aggregation, by its name.
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = Option<String>, example = "aggr0")
    )]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aggr: Option<LinkName>,
    /// The MTU of VNICs on the tag, in bytes.
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = Option<u32>, minimum = 1500, maximum = 9000)
    )]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<Mtu>,
}

/// `PATCH /v1/nictags/{name}`: what is left out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChangeNicTag {
    /// The NIC, by its address.
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = Option<String>, example = "9c:b6:54:bb:c3:3c")
    )]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<Mac>,
    /// The aggregation, by its name.
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = Option<String>, example = "aggr0")
    )]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aggr: Option<LinkName>,
    /// The MTU of VNICs on the tag, in bytes.
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = Option<u32>, minimum = 1500, maximum = 9000)
    )]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<Mtu>,
}
