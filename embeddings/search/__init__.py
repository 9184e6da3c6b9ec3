"""Who stands near whom: elements, compositions, catalogs."""
