"""The policy pack: rules that `pulumi preview` and `pulumi up` hold every resource to."""
