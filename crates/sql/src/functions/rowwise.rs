//! A scalar function made of a closure on one row: for small tables and constants, not for millions of rows.

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// What is done with each row.
pub(crate) type Row = Box<dyn Fn(&[ScalarValue]) -> ScalarValue>;
type Body = Arc<dyn Fn() -> Row + Send + Sync>;

/// The function.
pub(crate) struct Rowwise {
    name: &'static str,
    signature: Signature,
    result: DataType,
    body: Body,
}

/// A function of any number of values of any type.
pub(crate) fn rowwise(
    name: &'static str,
    result: DataType,
    body: impl Fn(&[ScalarValue]) -> ScalarValue + Send + Sync + 'static,
) -> ScalarUDF {
    let body = Arc::new(body);
    batchwise(name, result, move || {
        let body = Arc::clone(&body);
        Box::new(move |args| body(args))
    })
}

/// The same where something is looked up first, once for all rows that come together.
pub(crate) fn batchwise(
    name: &'static str,
    result: DataType,
    body: impl Fn() -> Row + Send + Sync + 'static,
) -> ScalarUDF {
    let any = TypeSignature::OneOf(vec![TypeSignature::Nullary, TypeSignature::VariadicAny]);
    let signature = Signature::new(any, Volatility::Immutable);
    ScalarUDF::from(Rowwise { name, signature, result, body: Arc::new(body) })
}

impl fmt::Debug for Rowwise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

// Functions of a session differ in their names.
impl PartialEq for Rowwise {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Rowwise {}

impl Hash for Rowwise {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Rowwise {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.result.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let body = (self.body)();
        let scalars: Option<Vec<ScalarValue>> = args
            .args
            .iter()
            .map(|arg| if let ColumnarValue::Scalar(value) = arg { Some(value.clone()) } else { None })
            .collect();
        if let Some(scalars) = scalars {
            return Ok(ColumnarValue::Scalar(body(&scalars)));
        }
        let arrays =
            args.args.into_iter().map(|arg| arg.into_array(rows)).collect::<Result<Vec<ArrayRef>>>()?;
        let mut out = Vec::with_capacity(rows);
        for row in 0..rows {
            let values: Vec<ScalarValue> =
                arrays.iter().map(|array| ScalarValue::try_from_array(array, row)).collect::<Result<_>>()?;
            out.push(body(&values));
        }
        if out.is_empty() {
            return Ok(ColumnarValue::Array(arrow::array::new_empty_array(&self.result)));
        }
        Ok(ColumnarValue::Array(ScalarValue::iter_to_array(out)?))
    }
}
