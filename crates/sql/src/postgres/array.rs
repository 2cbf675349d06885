//! `array[1.5, 2]`: a list of what stands in it, row by row.

use arrow::array::{Array, ArrayRef, ListArray, new_empty_array};
use arrow::buffer::OffsetBuffer;
use arrow::compute::interleave;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{DFSchema, Result, plan_err};
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult};
use datafusion::logical_expr::type_coercion::binary::type_union_resolution;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use std::sync::Arc;

/// Plans the literals.
#[derive(Debug)]
pub(super) struct Literals(Arc<ScalarUDF>);

impl Default for Literals {
    fn default() -> Self {
        let signature = Signature::user_defined(Volatility::Immutable);
        Self(Arc::new(ScalarUDF::from(List { signature })))
    }
}

impl ExprPlanner for Literals {
    fn plan_array_literal(&self, items: Vec<Expr>, _: &DFSchema) -> Result<PlannerResult<Vec<Expr>>> {
        Ok(PlannerResult::Planned(self.0.call(items)))
    }
}

/// The function that makes them.
#[derive(Debug, PartialEq, Eq, Hash)]
struct List {
    signature: Signature,
}

fn field(items: &[DataType]) -> FieldRef {
    Arc::new(Field::new_list_field(items.first().cloned().unwrap_or(DataType::Utf8), true))
}

impl ScalarUDFImpl for List {
    fn name(&self) -> &str {
        "array"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, items: &[DataType]) -> Result<DataType> {
        Ok(DataType::List(field(items)))
    }

    /// All of one type; NULLs alone are texts.
    fn coerce_types(&self, items: &[DataType]) -> Result<Vec<DataType>> {
        match type_union_resolution(items) {
            _ if items.is_empty() => Ok(Vec::new()),
            Some(DataType::Null) => Ok(vec![DataType::Utf8; items.len()]),
            Some(one) => Ok(vec![one; items.len()]),
            None => plan_err!("what stands in an array must be of one type; cast it"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let items: Vec<ArrayRef> =
            args.args.into_iter().map(|item| item.into_array(rows)).collect::<Result<_>>()?;
        let kinds: Vec<DataType> = items.iter().map(|item| item.data_type().clone()).collect();
        let field = field(&kinds);
        let values = if items.is_empty() {
            new_empty_array(field.data_type())
        } else {
            let all: Vec<&dyn Array> = items.iter().map(AsRef::as_ref).collect();
            let places: Vec<(usize, usize)> =
                (0..rows).flat_map(|row| (0..all.len()).map(move |item| (item, row))).collect();
            interleave(&all, &places)?
        };
        let offsets = OffsetBuffer::from_lengths(std::iter::repeat_n(items.len(), rows));
        Ok(ColumnarValue::Array(Arc::new(ListArray::try_new(field, offsets, values, None)?)))
    }
}
